"""Seeds for the fuzzers from the golden vectors: seed.py VECTORS FOLDER writes FOLDER/{json,msgpack,transcode}/NAME-n."""
import glob
import os
import sys


def write(folder, name, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def main(vectors, folder):
    for path in sorted(glob.glob(os.path.join(vectors, "*.txt"))):
        name = os.path.basename(path)[:-4]
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                key, _, value = line.rstrip("\n").partition(": ")
                if key == "msgpack":
                    write(os.path.join(folder, "msgpack"), f"{name}-{number}", bytes.fromhex(value))
                elif key == "json":
                    write(os.path.join(folder, "json"), f"{name}-{number}", value.encode())
                    write(os.path.join(folder, "transcode"), f"{name}-{number}", value.replace(",", ", ").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
