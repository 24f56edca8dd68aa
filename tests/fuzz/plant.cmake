# Writes a copy of a source with a planted bug: cmake -DFROM=... -DTO=... -DIN=... -DOUT=... -P plant.cmake
# Fails when the source no longer has the text, so that a planted target always holds its bug.
file(READ ${IN} text)
string(FIND "${text}" "${FROM}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${IN} has no \"${FROM}\" any more: plant another bug")
endif()
string(REPLACE "${FROM}" "${TO}" text "${text}")
file(WRITE ${OUT} "${text}")
