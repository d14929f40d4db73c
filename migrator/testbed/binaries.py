"""Get the testbed's binaries: from the cache, from official releases with their checksums, or built from Go modules."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migrator.errors import CommandFailedError, MigratorError
from migrator.testbed.versions import COREDNS, DOWNLOADS, ETCD, HELM, KUBERNETES_BINARIES, KWOK, MODULES, PULUMI, PULUMI_LANGUAGE

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}
_CONNECT_SECONDS = 10
GO_WORK = Path("/var/tmp/migrator-packages")  # noqa: S108 - a build user must reach it, and no home folder is open to all


class DownloadError(MigratorError):
    """A release could not be fetched, or is not what its checksum says."""


class ChecksumError(DownloadError):
    """What was fetched is not what its checksum says: never a reason to go on another way."""


@dataclass(slots=True)
class Store:
    """Binaries by name, version and architecture, in one cache folder."""

    cache: Path
    say: Callable[[str], None]
    mirrors: Mapping[str, str] = field(default_factory=dict)
    source: str = "auto"
    """`download`, `build`, or `auto`: download, and build where that fails."""
    architecture: str = field(default_factory=lambda: _ARCHITECTURES.get(platform.machine(), platform.machine()))

    def kubernetes(self, version: str, names: tuple[str, ...] = KUBERNETES_BINARIES) -> dict[str, Path]:
        """Return Kubernetes binaries of a version; raises MigratorError when they can't be had."""
        return self._ensure("kubernetes", version, names)

    def etcd(self) -> Path:
        """Return etcd."""
        return self._ensure("etcd", ETCD, ("etcd",))["etcd"]

    def kwok(self) -> Path:
        """Return KWOK's controller."""
        return self._ensure("kwok", KWOK, ("kwok",))["kwok"]

    def coredns(self) -> Path:
        """Return CoreDNS; built, as its releases are archives of a layout of their own."""
        return self._built("coredns", COREDNS)

    def helm(self) -> Path:
        """Return Helm."""
        return self._built("helm", HELM)

    def etcd_tools(self) -> tuple[Path, Path]:
        """Return etcdctl and etcdutl."""
        return self._ensure("etcd", ETCD, ("etcdctl",))["etcdctl"], self._ensure("etcd", ETCD, ("etcdutl",))["etcdutl"]

    def pulumi(self) -> tuple[Path, Path]:
        """Return the Pulumi engine and its Python language host."""
        return self._built("pulumi", PULUMI), self._built("pulumi-language-python", PULUMI_LANGUAGE)

    def _built(self, name: str, version: str) -> Path:
        return dataclasses.replace(self, source="build")._ensure(name, version, (name,))[name]  # noqa: SLF001 - itself

    def _ensure(self, family: str, version: str, names: tuple[str, ...]) -> dict[str, Path]:
        folder = self.cache / f"{family}-{version}-{self.architecture}"
        missing = tuple(name for name in names if not os.access(folder / name, os.X_OK))
        if missing:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache, prefix=".partial-") as partial:
                self._fetch(family, version, missing, Path(partial))
                for name in missing:
                    (Path(partial) / name).chmod(0o755)
                    (Path(partial) / name).replace(folder / name)
        return {name: folder / name for name in names}

    def _fetch(self, family: str, version: str, names: tuple[str, ...], into: Path) -> None:
        what = f"{', '.join(names)} {version}"
        if self.source != "build":
            try:
                self.say(f"downloading {what}")
                self._download(family, version, names, into)
            except DownloadError as error:
                if self.source == "download" or isinstance(error, ChecksumError):
                    raise
                self.say(f"{error.message}; building from Go modules instead")
            else:
                return
        self.say(f"building {what} from Go modules (minutes, once)")
        build(family, version, names, into, architecture=self.architecture)

    def _download(self, family: str, version: str, names: tuple[str, ...], into: Path) -> None:
        base = self.mirrors.get(family, DOWNLOADS[family]).rstrip("/")
        if family == "kubernetes":
            for name in names:
                url = f"{base}/v{version}/bin/linux/{self.architecture}/{name}"
                (into / name).write_bytes(_checked(url, _get(f"{url}.sha256").decode().split()[0]))
        elif family == "etcd":
            archive = f"etcd-v{version}-linux-{self.architecture}.tar.gz"
            data = _checked(f"{base}/v{version}/{archive}", _listed(f"{base}/v{version}/SHA256SUMS", archive))
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for name in names:
                    member = tar.extractfile(f"{archive.removesuffix('.tar.gz')}/{name}")
                    if member is None:
                        raise DownloadError(f"{archive} holds no {name}")
                    (into / name).write_bytes(member.read())
        else:
            for name in names:
                file = f"{name}-linux-{self.architecture}"
                (into / name).write_bytes(_checked(f"{base}/v{version}/{file}", _listed(f"{base}/v{version}/checksums.txt", file)))


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as response:
            return bytes(response.read())
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise DownloadError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error


def _checked(url: str, expected: str) -> bytes:
    data = _get(url)
    if hashlib.sha256(data).hexdigest() != expected:
        raise ChecksumError(f"{url} does not match its checksum", hint="a broken mirror, or somebody in between: do not use it")
    return data


def _listed(url: str, file: str) -> str:
    for line in _get(url).decode().splitlines():
        checksum, _, name = line.partition(" ")
        if name.strip().lstrip("*") == file:
            return checksum
    raise DownloadError(f"{url} lists no checksum for {file}")


def build(family: str, version: str, names: tuple[str, ...], into: Path, *, architecture: str) -> None:
    """Build binaries of a published Go module into a folder, for Go's name of an architecture; raises MigratorError without Go."""
    go = shutil.which("go")
    if not go:
        raise MigratorError("Go is needed to build the testbed", hint="install Go, or allow downloads (--source download)")
    with tempfile.TemporaryDirectory(prefix="migrator-build-") as folder:
        work = Path(folder)
        if family == "kubernetes":
            packages = [f"k8s.io/kubernetes/cmd/{name}" for name in names]
            stamp = "k8s.io/component-base/version"
            flags = f"-s -w -X {stamp}.gitVersion=v{version} -X {stamp}.gitMajor=1 -X {stamp}.gitMinor={version.split('.')[1]}"
            (work / "go.mod").write_text(_kubernetes_module(go, version, work))
        else:
            packages = [MODULES[name].package for name in names]
            module = MODULES[names[0]]
            flags = "-s -w" + (f" -X {module.stamp}=v{version}" if module.stamp else "")
            (work / "go.mod").write_text(f"module build/{family}\ngo {_go_version(go)}\nrequire {module.path} v{version}\n")
        imports = "\n".join(f'import _ "{package}"' for package in packages)
        (work / "tools.go").write_text(f"//go:build tools\n\npackage build\n\n{imports}\n")
        _run([go, "mod", "tidy"], work)
        for name, package in zip(names, packages, strict=True):
            _run([go, "build", "-trimpath", "-ldflags", flags, "-o", str(into / name), package], work, architecture)


def _kubernetes_module(go: str, version: str, work: Path) -> str:
    """Return a go.mod: Kubernetes replaces its staging modules by folders of its own tree, which are published as v0.x."""
    answer = json.loads(_run([go, "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"], work))
    staged = [line.split()[0] for line in Path(answer["GoMod"]).read_text().splitlines() if "=> ./staging/" in line]
    replaces = "\n".join(f"replace {module} => {module} v0.{version.removeprefix('1.')}" for module in staged)
    return f"module build/kubernetes\ngo {_go_version(go)}\nrequire k8s.io/kubernetes v{version}\n{replaces}\n"


def _go_version(go: str) -> str:
    return _run([go, "env", "GOVERSION"], Path.cwd()).strip().removeprefix("go").split()[0]


def _shared_caches() -> dict[str, str]:
    """Return Go's caches that root shares with the user who builds packages: most of Kubernetes is compiled for both."""
    if os.geteuid() != 0:
        return {}
    GO_WORK.mkdir(mode=0o755, exist_ok=True)
    return {"GOCACHE": str(GO_WORK / "go-build"), "GOMODCACHE": str(GO_WORK / "go-mod")}


def _run(command: list[str], folder: Path, architecture: str = "") -> str:
    environment = {**os.environ, **_shared_caches(), "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=mod", "GOWORK": "off"}
    if architecture:
        environment |= {"GOARCH": architecture, "GOARM": "7"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailedError(" ".join(command), done.returncode, done.stderr)
    return done.stdout
