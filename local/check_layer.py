"""`python -m local.check_layer FOLDER`: check a layer that was built for Lambda.

It exits with a reason in these cases: a library, its native code or its metadata is missing; native
code is not for Python 3.13 on arm64; bytecode is missing although a python3.13 was there to make
it; the data of the AWS libraries was not trimmed; the layer is too large.
"""

import importlib.util
import re
import struct
import sys
from pathlib import Path

MOST_MB = 60
MOST_DATA_MB = 0.2  # it is 28 before layers/core/trim.py
PACKAGES = ("latchkey", "boto3", "aws_lambda_powertools", "pydantic", "jwt", "passlib")
NATIVE = ("pydantic_core", "cryptography", "_argon2_cffi_bindings")
ARM64 = 183  # e_machine of an ELF file
UNCHECKED_HASH = 1  # the flag of bytecode that Python uses without checking its source


def problems(layer: Path) -> list[str]:
    """Return everything that is wrong with a built layer."""
    python = layer / "python"
    found = [f"{name} is missing" for name in PACKAGES if not (python / name).is_dir()]
    found += [f"{path} must not be there" for path in python.rglob("*.pyi")]
    libraries = list(python.rglob("*.so*"))
    for path in libraries:
        machine = struct.unpack_from("<H", path.read_bytes(), 18)[0]
        if machine != ARM64 or not re.search(r"\.cpython-313-aarch64|\.abi3\.so$", path.name):
            found.append(f"{path} is not for Python 3.13 on arm64")
    for name in NATIVE:
        if not any(path.is_relative_to(python / name) for path in libraries):
            found.append(f"{name} has no native code")
    data = _megabytes(python / "botocore" / "data")
    if data > MOST_DATA_MB:
        found.append(f"botocore has {data:.1f} MB of data: {MOST_DATA_MB} at most after trim.py")
    if sys.version_info[:2] == (3, 13):  # the Makefiles found a python3.13
        for path in python.rglob("*.py"):
            compiled = Path(importlib.util.cache_from_source(path.name)).name
            bytecode = path.parent / "__pycache__" / compiled
            header = bytecode.read_bytes()[:8] if bytecode.exists() else b""
            if header != importlib.util.MAGIC_NUMBER + struct.pack("<I", UNCHECKED_HASH):
                found.append(f"{path} has no bytecode, or one that is checked against its time")
    pins = re.findall(r"^([\w-]+)==(\S+)", (Path("layers/core/requirements.txt")).read_text(), re.M)
    for name, version in pins:
        if not (python / f"{name.replace('-', '_')}-{version}.dist-info/METADATA").exists():
            found.append(f"{name} {version} has no metadata")
    size = _megabytes(layer)
    if size > MOST_MB:
        found.append(f"the layer has {size:.0f} MB: {MOST_MB} at most")
    print(f"layer: {size:.0f} MB, {len(libraries)} native libraries, {len(pins)} packages")
    return found


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    sys.exit("\n".join(problems(Path(sys.argv[1]))) or 0)
