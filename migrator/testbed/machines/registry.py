"""The images that test nodes pull: each made from a static binary, served by a real registry."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import yaml

from migrator.adapters.commands import run
from migrator.errors import MigratorError
from migrator.testbed.artefacts import fingerprint, only_one, without_comments
from migrator.testbed.binaries import Store
from migrator.testbed.go_build import SOURCES
from migrator.testbed.machines.binfmt import runs_arm64
from migrator.testbed.machines.database import VERSION, database_root, root_recipe
from migrator.testbed.processes import free_ports, start, stop
from migrator.testbed.versions import CONTROL_PLANE, LOCAL_PATH
from migrator.testbed.waiting import wait

WEB_IMAGE = "shop.example/web:1"
"""The sample application's image."""
DATABASE_IMAGE = f"shop.example/postgres:{VERSION}"
"""PostgreSQL; also a shell for whoever needs one."""
PROVISIONER_IMAGE = f"shop.example/local-path-provisioner:v{LOCAL_PATH}"
_OF_KUBERNETES = (*CONTROL_PLANE, "kube-proxy")
_PROXY_TOOLS = ("xtables-nft-multi", "xtables-legacy-multi", "nft", "ipset", "conntrack")
# What all images are set to.
_SETTINGS = ("--config.env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


@dataclass(slots=True, frozen=True)
class Image:
    """One binary as an image, with other files beside it."""

    binary: Path
    files: tuple[tuple[Path, str], ...] = ()
    """Where a file or a folder lies on this machine, and where in the image."""
    stop_signal: str = ""
    """What tells it to end; empty: SIGTERM."""


@dataclass(slots=True, frozen=True)
class Recipe:
    """How an image is made, and what it is made of: the image is made again when that changes."""

    content: tuple[str, ...]
    make: Callable[[], Image]

    @property
    def fingerprint(self) -> str:
        """Return what tells two recipes of an image apart."""
        return fingerprint(self.content, _SETTINGS)


def fill_registry(
    store: Store, base: Path, versions: Sequence[str], say: Callable[[str], None], *, more: Sequence[str] = ()
) -> Path:
    """Make the images that kubeadm of these versions asks for, and return the folder that a registry serves them from.

    `more` are images of this module beside the sample application's.

    They are of the store's architecture, and so is `base`, whose packet filter kube-proxy takes.
    """
    storage = store.cache / f"registry-{store.architecture}"
    with only_one(storage, say):
        wanted = {_bare(WEB_IMAGE): _alone(store, "web")} | {_bare(name): _further(store, name) for name in more}
        for version in versions:
            wanted |= _asked_for(store, base, version)
        missing = {name: recipe for name, recipe in wanted.items() if not _stored(storage, name, recipe)}
        if missing:
            say(f"making {len(missing)} images: {', '.join(missing)}")
            with _serving(storage) as address:
                for name, recipe in missing.items():
                    _push(recipe.make(), f"{address}/{name}", store.architecture)
                    _mark(storage, name).parent.mkdir(parents=True, exist_ok=True)
                    _mark(storage, name).write_text(recipe.fingerprint)
    return storage


def _asked_for(store: Store, base: Path, version: str) -> dict[str, Recipe]:
    # The names are the same for all architectures; this machine's kubeadm tells them.
    kubeadm = native(store).kubernetes(version, ("kubeadm",))["kubeadm"]
    names = run([kubeadm, "config", "images", "list", "--kubernetes-version", f"v{version}"]).split()
    return {_bare(name): _recipe(store, base, version, _bare(name).split(":")[0]) for name in names}


def _recipe(store: Store, base: Path, version: str, name: str) -> Recipe:
    def of_kubernetes() -> Path:
        return store.kubernetes(version, _OF_KUBERNETES)[name]

    makers: Mapping[str, Callable[[], Recipe]] = {
        "coredns/coredns": lambda: _alone(store, "coredns"),
        "etcd": lambda: Recipe((store.place("etcd").parent.name,), lambda: _etcd(**store.programs("etcd", "etcdctl", "etcdutl"))),
        "pause": lambda: _alone(store, "pause"),
        "kube-proxy": lambda: Recipe(
            (version, base.name, *_PROXY_TOOLS), lambda: Image(of_kubernetes(), tuple(_proxy_files(base)))
        ),
    }
    return makers.get(name, lambda: Recipe((version,), lambda: Image(of_kubernetes())))()


def _further(store: Store, image: str) -> Recipe:
    if image == PROVISIONER_IMAGE:
        return _alone(store, "local-path-provisioner")
    script = SOURCES / "postgres.sh"
    content = (root_recipe().fingerprint, without_comments(script.read_text()))
    return Recipe(content, lambda: Image(script, ((database_root(store.cache, store.say), "."),), stop_signal="SIGINT"))


def _etcd(etcd: Path, **tools: Path) -> Image:
    return Image(etcd, tuple((path, f"usr/local/bin/{name}") for name, path in tools.items()))


def _alone(store: Store, name: str) -> Recipe:
    """Return the recipe of an image that is one program."""
    return Recipe((store.place(name).parent.name,), lambda: Image(store.programs(name)[name]))


def _proxy_files(base: Path) -> Iterator[tuple[Path, str]]:
    """Yield the packet filter's tools and the libraries that they load."""
    wanted = [f"usr/sbin/{tool}" for tool in _PROXY_TOOLS]
    extension = next((base / "usr/lib").glob("*/xtables/libxt_statistic.so")).relative_to(base)
    with runs_arm64() if (base / "lib/aarch64-linux-gnu").exists() else nullcontext():
        libraries = {
            word.lstrip("/")
            for tool in (*wanted, str(extension))
            for line in run(["chroot", base, "ldd", f"/{tool}"]).splitlines()
            for word in line.split()
            if word.startswith("/")
        }
    for name in ("bin", "sbin", "lib", "lib64"):
        if (base / name).is_symlink():
            yield base / name, name
    for library in sorted(libraries):
        real = (base / library).resolve()
        yield real, library.replace("lib/", "usr/lib/", 1) if library.startswith("lib/") else f"usr/{library}"
    for tool in wanted:
        yield base / tool, tool
    for folder, pattern in (("usr/sbin", "ip*tables*"), ("etc/alternatives", "ip*tables*")):
        for link in sorted((base / folder).glob(pattern)):
            yield link, f"{folder}/{link.name}"
    for extensions in (base / "usr/lib").glob("*/xtables"):
        yield extensions, str(extensions.relative_to(base))


def native(store: Store) -> Store:
    """Return the same cache for programs that run on this machine."""
    return dataclasses.replace(store, architecture=Store(store.cache, store.say).architecture)


def _bare(image: str) -> str:
    return image.partition("/")[2]


def _stored(storage: Path, name: str, recipe: Recipe) -> bool:
    repository, _, tag = name.rpartition(":")
    link = storage / "docker/registry/v2/repositories" / repository / "_manifests/tags" / tag / "current/link"
    mark = _mark(storage, name)
    return link.exists() and mark.exists() and mark.read_text() == recipe.fingerprint


def _mark(storage: Path, name: str) -> Path:
    """Return the file that says of what recipe an image was made."""
    return storage / "recipes" / name.replace("/", "+")


@contextmanager
def _serving(storage: Path) -> Iterator[str]:
    """Serve a folder on loopback while images are pushed into it."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yml"
        settings = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(storage)}}, "http": {"addr": address}}
        config.write_text(yaml.safe_dump(settings))
        log = Path(folder) / "log"
        process = start("registry", ["docker-registry", "serve", config], log)
        try:
            wait(lambda: _answers(address), lambda: MigratorError(f"the image registry does not start: {log.read_text()[-300:]}"))
            yield address
        finally:
            stop([process])


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _executable(file: tarfile.TarInfo) -> tarfile.TarInfo:
    file.mode |= 0o555
    return file


def _push(image: Image, name: str, architecture: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        command = f"usr/local/bin/{image.binary.name}"
        with tarfile.open(work / "layer.tar", "w") as layer:
            for source, target in image.files:
                layer.add(source, target, recursive=not source.is_symlink())
            layer.add(os.path.realpath(image.binary), command, filter=_executable)
        layout = work / "oci"
        run(["umoci", "init", "--layout", layout])
        run(["umoci", "new", "--image", f"{layout}:image"])
        run(["umoci", "raw", "add-layer", "--image", f"{layout}:image", work / "layer.tar"])
        entry = ["--config.entrypoint", f"/{command}", "--architecture", architecture]
        entry += ["--config.stopsignal", image.stop_signal] if image.stop_signal else []
        run(["umoci", "config", "--image", f"{layout}:image", *entry, *_SETTINGS])
        run(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:image", f"docker://{name}"])
        shutil.rmtree(layout)
