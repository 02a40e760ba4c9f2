"""Mail servers, a browser, shells and checkers from Debian's packages. `python3 tests/peer_tools.py` installs them all.

Postfix is installed. OpenSMTPD cannot be beside it, and is unpacked into a folder; so is nginx, which would be started.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

OPENSMTPD = Path("/var/cache/daimon-tests/opensmtpd")
NGINX = Path("/var/cache/daimon-tests/nginx")
PROGRAMS = {  # and the packages they are in
    "chromium": "chromium",
    "fish": "fish",
    "named-checkzone": "bind9-utils",
    "systemd-analyze": "systemd",
    "zsh": "zsh",
}
CHROMIUM_FLAGS = ["--no-sandbox", "--headless"]
_NEEDED = {
    "postfix": "/usr/sbin/smtp-sink",
    "sasl2-bin": "/usr/sbin/saslpasswd2",
    "libsasl2-modules": "/usr/lib/*/sasl2/liblogin.so",
    "libsasl2-modules-db": "/usr/lib/*/sasl2/libsasldb.so",
    "libevent-2.1-7": "/usr/lib/*/libevent-2.1.so.7",
}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECONDS = 170


def plain() -> dict[str, str]:
    """Return an environment that tells Debian's tools nothing of ours, and lets them ask nothing."""
    return {"PATH": _PATH, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def missing() -> list[str]:
    """Return the packages that are not there."""
    packages = [name for name, proof in _NEEDED.items() if not any(Path("/").glob(proof[1:]))]
    return packages if (OPENSMTPD / "usr/sbin/smtpd").exists() else [*packages, "opensmtpd"]


def install() -> None:
    """Bring what is missing. Only root can."""
    packages = missing()
    if not packages:
        return
    if os.geteuid() != 0:
        raise PermissionError(f"only root can install {', '.join(packages)}")
    _run("apt-get", "update", "-qq")
    if installed := [each for each in packages if each != "opensmtpd"]:
        _run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", *installed)
    if "opensmtpd" in packages:
        _unpack("opensmtpd", OPENSMTPD)


def nginx() -> Path:
    """Return the path of nginx, which is brought if it is missing."""
    program = NGINX / "usr/sbin/nginx"
    if not program.exists():
        _unpack("nginx", NGINX)
    return program


def program(name: str) -> str:
    """Return the path of one of PROGRAMS, which is brought if it is missing. Only root can."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        if os.geteuid() != 0:
            raise PermissionError(f"only root can install {name}: apt-get install {PROGRAMS[name]}")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", PROGRAMS[name])
        found = shutil.which(name, path=_PATH)
    assert found, f"{PROGRAMS[name]} has no {name}"
    return found


def _unpack(package: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"daimon-{package}-") as directory:
        folder = Path(directory)
        _run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package, cwd=folder)
        _run("dpkg", "--extract", str(next(folder.glob("*.deb"))), "unpacked", cwd=folder)
        (folder / "unpacked").chmod(0o755)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(folder / "unpacked", target)


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(
        command, check=True, cwd=cwd, env=plain(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=_SECONDS
    )


if __name__ == "__main__":
    install()
    nginx()
    for each in PROGRAMS:
        program(each)
