"""`python -m local.check_layer FOLDER`: check the layers in a folder that were built for Lambda.

It exits with a reason in these cases: a library, its native code or its metadata is missing; native
code is not for Python 3.13 on arm64; bytecode is missing although a python3.13 was there to make
it; the data of the AWS libraries was not trimmed; the layer is too large.
"""

import importlib.util
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

MOST_DATA_MB = 0.2  # it is 28 before layers/core/trim.py
ARM64 = 183  # e_machine of an ELF file
UNCHECKED_HASH = 1  # the flag of bytecode that Python uses without checking its source


@dataclass(frozen=True)
class Layer:
    """What a layer must have: packages, those with native code, and how large it may be."""

    source: str
    """Its folder in layers/."""
    packages: tuple[str, ...]
    native: tuple[str, ...]
    most_mb: int


LAYERS = {
    "CoreLayer": Layer(
        "core",
        ("latchkey", "boto3", "aws_lambda_powertools", "pydantic", "jwt", "passlib"),
        ("pydantic_core", "cryptography", "_argon2_cffi_bindings"),
        most_mb=60,
    ),
    "CaptchaLayer": Layer("captcha", ("captcha", "PIL"), ("PIL",), most_mb=40),
}


def problems(build: Path, name: str) -> list[str]:
    """Return everything that is wrong with a built layer."""
    layer, python = LAYERS[name], build / name / "python"
    found = [f"{name} is missing" for name in layer.packages if not (python / name).is_dir()]
    found += [f"{path} must not be there" for path in python.rglob("*.pyi")]
    libraries = list(python.rglob("*.so*"))
    for path in libraries:
        machine = struct.unpack_from("<H", path.read_bytes(), 18)[0]
        # What a module is linked with lies in a folder of its own, and is of no Python's version.
        linked = path.parent.suffix == ".libs"
        ours = linked or re.search(r"\.cpython-313-aarch64|\.abi3\.so$", path.name)
        if machine != ARM64 or not ours:
            found.append(f"{path} is not for Python 3.13 on arm64")
    for package in layer.native:
        if not any(path.is_relative_to(python / package) for path in libraries):
            found.append(f"{package} has no native code")
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
    requirements = Path("layers", layer.source, "requirements.txt").read_text()
    pins = re.findall(r"^([\w-]+)==(\S+)", requirements, re.M)
    for package, version in pins:
        if not (python / f"{package.replace('-', '_')}-{version}.dist-info/METADATA").exists():
            found.append(f"{package} {version} has no metadata")
    size = _megabytes(build / name)
    if size > layer.most_mb:
        found.append(f"the layer has {size:.0f} MB: {layer.most_mb} at most")
    print(f"{name}: {size:.0f} MB, {len(libraries)} native libraries, {len(pins)} packages")
    return [f"{name}: {problem}" for problem in found]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    found = [problem for name in LAYERS for problem in problems(Path(sys.argv[1]), name)]
    sys.exit("\n".join(found) or 0)
