"""Whether the deployment does what docs/openapi.json says. Schemathesis sends what it allows and
what it forbids; tests/description/hooks.py names the disagreements that are meant.
"""

import os
import subprocess
from pathlib import Path

from tests.e2e.client import NewDevice, new_address
from tests.e2e.stack import ROOT, Stack

PASSWORD = "engine1843"
OURS = ROOT / "tests/description"


def test_the_deployment_does_what_its_description_says(
    stack: Stack, new_device: NewDevice, tmp_path: Path
):
    device, address = new_device(), new_address()
    device.register(address, password=PASSWORD)
    account = {"ADDRESS": address, "PASSWORD": PASSWORD, "DEVICE": device.id}
    bearer = new_device().register(new_address(), password=PASSWORD)["access_token"]
    done = subprocess.run(
        [
            ROOT / ".local/env/description/bin/st",
            f"--config-file={OURS}/schemathesis.toml",
            "run",
            ROOT / "docs/openapi.json",
            f"--url={stack.api}",
        ],
        cwd=tmp_path,  # it leaves a folder there
        env=os.environ
        | account
        | {"API": stack.api, "BEARER": bearer, "SCHEMATHESIS_HOOKS": str(OURS / "hooks.py")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    print(done.stdout[done.stdout.find("API Operations:") :])
    assert done.returncode == 0, done.stdout + done.stderr
