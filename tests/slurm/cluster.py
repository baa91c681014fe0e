"""A SLURM cluster of one node on loopback, with GPUs that are only pretended."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

ETC = Path("/etc/slurm")  # job steps lose SLURM_CONF, so the configuration must be found here
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
GPUS = 2

# As root, without cgroups: processes are tracked by parentage, none is bound, memory is polled.
SLURM_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CryptoType=crypto/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/task_prolog.sh
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=30
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 Gres=gpu:{gpus}
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def obstacle() -> str | None:
    """Say why no cluster can be started on this machine, and what to do; None if one can."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    missing = [name for name in PROGRAMS if shutil.which(name, path=folders) is None]
    if not sys.platform.startswith("linux"):
        return "SLURM runs on Linux"
    if missing:
        return f"no {', '.join(missing)}; on Debian or Ubuntu: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "the small cluster needs root: run in a container"
    if any((ETC / name).exists() for name in ("slurm.conf", "gres.conf")):
        return f"{ETC} already holds a configuration; use a container without one"
    return None


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    """A running cluster; use as a context manager, so that nothing is left behind.

    Parameters
    ----------
    folder : path
        Everything the daemons write; owned by root, not writable for others.
    cpus : int
        Cores that the node claims to have.
    """

    def __init__(self, folder: Path, cpus: int = 6):
        self.folder, self.cpus = folder, cpus
        self.host = socket.gethostname().split(".")[0]
        self.daemons: list[subprocess.Popen] = []

    def __enter__(self):
        self.write_configuration()
        try:
            self.start_daemons()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if len(self.daemons) == 3 and self.daemons[1].poll() is None:  # the controller answers
            subprocess.run(["scancel", "--user", "root", "--signal=KILL"], check=False)
            subprocess.run(["scancel", "--user", "root"], check=False)
            end = time.monotonic() + 40  # the node's daemon must outlive the jobs that it ends
            while self.ask("squeue", "--noheader") and time.monotonic() < end:
                time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).unlink(missing_ok=True)

    def write_configuration(self) -> None:
        """Write configuration, key and devices, and link the first to where job steps look."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)  # munge refuses a folder that others may write to
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for number in range(GPUS):
            os.mknod(self.folder / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        controller_port, node_port = free_ports(2)
        ports = {"controller_port": controller_port, "node_port": node_port}
        text = SLURM_CONF.format(
            **ports, host=self.host, folder=self.folder, cpus=self.cpus, gpus=GPUS
        )
        (self.folder / "slurm.conf").write_text(text)
        # SLURM hands out GPUs that do not exist, and a job refuses to compute without its GPU.
        prolog = self.folder / "task_prolog.sh"
        prolog.write_text("#!/bin/sh\necho export CUDA_VISIBLE_DEVICES=\n")
        prolog.chmod(0o755)
        devices = f"Name=gpu File={self.folder}/gpu[0-{GPUS - 1}]\n"
        (self.folder / "gres.conf").write_text(devices)
        ETC.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).symlink_to(self.folder / name)

    def start_daemons(self) -> None:
        """Start munge, controller and node in the foreground of their own processes."""
        in_folder = {
            "--socket": "munge.socket",
            "--key-file": "munge.key",
            "--pid-file": "munge.pid",
            "--log-file": "munge.log",
            "--seed-file": "munge.seed",
        }
        options = [f"{option}={self.folder / name}" for option, name in in_folder.items()]
        self.start("munged", "--foreground", *options)
        self.wait_for((self.folder / "munge.socket").exists, "munge")
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        self.wait_for(lambda: "idle" in self.ask("sinfo", "--noheader", "-o", "%T"), "the node")

    def start(self, *command: str) -> None:
        """Start one daemon; its output goes to a file of its name."""
        path = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))
        with open(self.folder / f"{command[0]}.out", "wb") as output:
            self.daemons.append(
                subprocess.Popen(
                    [shutil.which(command[0], path=path), *command[1:]],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PATH": path},
                    start_new_session=True,  # Ctrl-C must reach the tests first
                )
            )

    def wait_for(self, condition, what: str, seconds: float = 20) -> None:
        """Wait until a condition holds.

        Raises
        ------
        TimeoutError
            With the daemons' last words, if it does not come to hold.
        """
        end = time.monotonic() + seconds
        while not condition():
            ended = any(daemon.poll() is not None for daemon in self.daemons)
            if ended or time.monotonic() > end:
                words = [
                    f"{path.name}: {path.read_text(errors='replace')[-800:]}"
                    for path in (*self.folder.glob("*.out"), *self.folder.glob("slurm*.log"))
                ]
                raise TimeoutError(f"waited {seconds:.0f} s for {what}\n" + "\n".join(words))
            time.sleep(0.1)

    def ask(self, *command: str) -> str:
        """Return what a SLURM command prints."""
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        return done.stdout

    def jobs(self, folder: Path | None = None) -> list[dict]:
        """Return what the controller remembers of jobs, in the order of submission.

        Of all, or of those that work in a folder. Each has ``number``, ``rule`` (its name and
        wildcards), ``state``, ``restarts``, ``gpus``, ``memory`` as SLURM writes it, and
        ``start`` and ``end`` (None while unknown).
        """
        jobs = []
        for line in self.ask("scontrol", "--oneliner", "show", "job").splitlines():
            entry = dict(re.findall(r"(\S+?)=(\S*)", line))
            if "JobId" not in entry or folder not in (None, Path(entry["WorkDir"])):
                continue
            jobs.append(
                {
                    "number": entry["JobId"],
                    "rule": entry["Comment"],
                    "state": entry["JobState"],
                    "restarts": int(entry["Restarts"]),
                    "gpus": int(entry.get("TresPerJob", "gres:gpu:0").split(":")[-1]),
                    "memory": entry["MinMemoryNode"],
                    "start": moment(entry["StartTime"]),
                    "end": moment(entry["EndTime"]),
                }
            )
        return sorted(jobs, key=lambda job: int(job["number"]))

    def find(self, folder: Path, rule: str, state: str) -> list[dict]:
        """Return the jobs of a folder in a state whose rule and wildcards contain a text."""
        jobs = self.jobs(folder)
        return [job for job in jobs if rule in job["rule"] and job["state"] == state]


def moment(text: str) -> datetime | None:
    """Return a time that SLURM wrote, or None if it did not know."""
    return None if text in ("Unknown", "None", "N/A") else datetime.fromisoformat(text)
