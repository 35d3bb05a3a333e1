"""The few places where systems differ: directories, disks, the file lock, signals, the loop."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

COLLECT_AFTER = (10_000, 5, 200)
"""When garbage is collected: new objects, then young and middle collections before an older one.

Nothing else runs during a collection, and a middle one looks at 10,000 * 5 objects at most.
"""


def state_directory() -> Path:
    """Where state belongs on this system; never the working directory."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "bellbuoy"


def config_directory() -> Path:
    """Where a config belongs on this system."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "bellbuoy"


def cache_directory() -> Path:
    """Where belongs what may be lost at any time."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(base) / "bellbuoy" / "Cache"
    if sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bellbuoy"


def process_name() -> str:
    """This process, for people: the machine's name and the number of the process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def process_mark() -> str:
    """What no other process has, also after this one is gone; empty where the system does not tell.

    On Linux: this boot of the machine, the namespace in which process numbers count, the number,
    and when the process began (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
    """
    began = _began(os.getpid())
    return f"{_processes_seen()} {os.getpid()} {began}" if began else ""


def is_gone(mark: str) -> bool:
    """Whether the process of a mark ran where we can see, and does not run any more."""
    seen, _, rest = mark.rpartition(" ")[0].rpartition(" ")
    if not seen or seen != _processes_seen():
        return False
    return _began(int(rest)) != mark.rpartition(" ")[2]


def _processes_seen() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _began(pid: int) -> str:
    """When a process began, in ticks since the boot; empty if it is not there, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # Its name may hold blanks and brackets of its own.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


class LockedError(Exception):
    """Another process holds the lock."""


@contextmanager
def file_lock(path: Path) -> Generator[None]:
    """Hold an exclusive lock on a file; the system drops it when the process dies.

    Raises LockedError if another process holds it. Uses flock, and msvcrt on Windows.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not there on Windows
    except ImportError:
        _lock_windows(descriptor)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LockedError from error


def _lock_windows(descriptor: int) -> None:
    try:
        import msvcrt  # noqa: PLC0415 - only there on Windows
    except ImportError:
        return  # A system with neither: the store's own lease still keeps two pollers apart.
    try:
        getattr(msvcrt, "locking")(descriptor, getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009 - unknown to type checkers elsewhere
    except OSError as error:
        raise LockedError from error


@contextmanager
def stop_signals(stop: Callable[[], None]) -> Generator[None]:
    """Call `stop` in the loop at SIGINT and SIGTERM.

    Where the loop cannot watch signals (Windows), Ctrl+C stays a KeyboardInterrupt, which
    ends `run` by cancelling its main task.
    """
    loop = asyncio.get_running_loop()
    watched: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(name, stop)
            watched.append(name)
    try:
        yield
    finally:
        for name in watched:
            loop.remove_signal_handler(name)


def run(main: Callable[[], Any]) -> Any:
    """Run a coroutine function to its end, on uvloop where it is installed.

    What was imported so far stays to the end of the process, so the collector is told to leave
    it alone, and to come less often: at its usual pace it took a fifth of the time of a sweep.
    """
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(_tell)
        return runner.run(main())


def allow_many_files() -> None:
    """Let this process have as many open sockets and files as the system lets it, up to 65,536.

    Shells and services begin with 1,024, which a thousand listeners use up alone.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def own_group() -> dict[str, Any]:
    """What makes a new process, with all that it starts, a group that can be ended together."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(pid: int, *, force: bool = False) -> None:
    """Ask the group of this process to end, or end it; one that is no more is no error.

    Windows asks the group with Ctrl+Break, and can only end the process itself.
    """
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM if force else signal.CTRL_BREAK_EVENT)
        else:
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)


def plain_environment() -> dict[str, str]:
    """The few variables of ours that any program needs."""
    names = ["PATH", "HOME", "LANG"]
    if sys.platform == "win32":
        # Without SYSTEMROOT most programs cannot even open a socket there.
        names += ["SYSTEMROOT", "PATHEXT", "USERPROFILE", "TEMP"]
    return {name: os.environ[name] for name in names if name in os.environ}


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What went wrong where nobody waits for it, but for what uvloop does to itself.

    A connection that is cancelled between its TCP and its TLS handshake is closed at once;
    if the second ended meanwhile, uvloop still writes to what it closed
    (https://github.com/MagicStack/uvloop/blob/v0.22.1/uvloop/loop.pyx, create_connection).
    Many are cancelled together when a monitor stops.
    """
    is_own_doing = (
        isinstance(context.get("exception"), RuntimeError)
        and str(context["exception"]).endswith("; the handler is closed")
        and type(context.get("protocol")).__name__ == "SSLProtocol"
    )
    if not is_own_doing:
        loop.default_exception_handler(context)


def max_rss_bytes() -> int:
    """The greatest resident size of this process so far, in bytes; 0 where it is not known."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return 0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


_OVER_A_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ncpfs", "beegfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "gfs2", "ocfs2", "orangefs", "davfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.cephfs", "fuse.s3fs", "fuse.rclone"),
        *("fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.blobfuse", "fuse.juicefs"),
    }
)
"""Linux's names of file systems that other machines share (gfs2 and ocfs2: a shared disk).

Those of FUSE carry the name of the program that serves them.
"""

_MOUNTS = Path("/proc/self/mountinfo")
_DRIVE_REMOTE = 4


def network_file_system(path: Path) -> str | None:
    """The kind of file system over a network on which a path lies; None if it lies on none.

    Known are Linux's mounts, and Windows's shares, also those with the letter of a drive.
    macOS tells it by no call that Python has, so there it is never known.
    """
    if sys.platform == "win32":
        return "a share" if _is_share(path) else None
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    kind = _kind_of_mount(path.resolve(), mounts)
    return kind if kind in _OVER_A_NETWORK else None


def _kind_of_mount(path: Path, mounts: str) -> str:
    """The type of the file system that holds an absolute path.

    The lines are those of https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html: the
    mount point is the fifth field, the type follows a lone `-`. Of several mounts on one point the
    last is seen.
    """
    found, depth = "", 0
    for line in mounts.splitlines():
        fields, _, more = line.partition(" - ")
        point = Path(_unescaped(fields.split(" ")[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = more.partition(" ")[0], len(point.parts)
    return found


def _unescaped(point: str) -> str:
    """A mount point as it is called: white space and backslashes are written in octal."""
    for code in ("040", "011", "012", "134"):
        point = point.replace(f"\\{code}", chr(int(code, 8)))
    return point


def _is_share(path: Path) -> bool:
    if path.drive.startswith("\\\\"):
        return True
    import ctypes  # noqa: PLC0415 - only asked for on Windows

    windows = getattr(ctypes, "windll")  # noqa: B009 - unknown to type checkers elsewhere
    return windows.kernel32.GetDriveTypeW(path.anchor) == _DRIVE_REMOTE


def sync_directory(directory: Path) -> None:
    """Put a directory's entries on disk, so that a new file keeps its name in a power cut.

    Windows offers no such call and needs none: NTFS keeps a journal of names.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_names(path: Path) -> None:
    """Put on disk the name of a file, and the names of all directories above it.

    All of them, because whoever made one may have been killed before it was on disk.
    """
    sync_directory(path.parent)
    for directory in path.parent.parents:
        with suppress(OSError):  # one that we may not read is not one that we made
            sync_directory(directory)
