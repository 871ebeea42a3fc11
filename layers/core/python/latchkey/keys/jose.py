"""PyJWT, set up for a short cold start.

PyJWT imports `cryptography.x509` for one purpose: it checks whether a MAC key could be a
certificate by mistake. Our MAC keys are 32 random bytes (ids.py). So that check is left out here,
and the module is loaded only if something else uses it.
"""

import importlib.util
import sys


def _import_later(name: str) -> None:
    """Register a module that is loaded when it is first used (importlib.util.LazyLoader)."""
    found = importlib.util.find_spec(name)
    if name in sys.modules or found is None or found.loader is None:
        return
    found.loader = importlib.util.LazyLoader(found.loader)
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


_import_later("cryptography.x509")

import jwt  # noqa: E402 - it must come after the line above
from jwt.algorithms import HMACAlgorithm  # noqa: E402


class _MacAlgorithm(HMACAlgorithm):
    """HMAC with a key of ours."""

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the key as it is."""
        return key if isinstance(key, bytes) else key.encode()


jwt.unregister_algorithm("HS256")
jwt.register_algorithm("HS256", _MacAlgorithm(HMACAlgorithm.SHA256))

__all__ = ["jwt"]
