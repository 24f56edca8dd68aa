# Writes a file as a C string constant: cmake -DIN=prelude.lua -DOUT=prelude.h -DNAME=flow_prelude -P embed.cmake
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made from ${IN}. The last byte, 0, is not part of it. */\nstatic const char ${NAME}[] = {\n${bytes}0x00};\n")
