"""What lvs.cf means, as immutable values. Reads and writes nothing.

Field comments give the lvs.cf key where the name differs. Defaults are those of the
original's parser, not of its web forms. Netmasks are prefix lengths. `kept` holds what the
file says by keys that mean nothing any more, as (key, text), so that it can be written back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lvsengine.net import Address, Forwarding, Protocol


class Mode(Enum):
    """`service`: what kind of pair the file describes. Only LVS can be run."""

    LVS = "lvs"
    FOS = "fos"


@dataclass(frozen=True, slots=True)
class FloatingAddress:
    """An address that belongs to whichever director is active, and the alias that carries it.

    Attributes:
        device: An interface or an alias of one, such as `eth0` or `eth0:1`.
    """

    address: Address
    device: str

    @property
    def interface(self) -> str:
        """The interface under the alias: `eth0` of `eth0:1`."""
        return self.device.partition(":")[0]


@dataclass(frozen=True, slots=True)
class RealServer:
    name: str
    address: Address
    enabled: bool = False  # active
    weight: int = 1
    port: int | None = None  # None: the virtual server's port
    kept: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualServer:
    name: str
    floating: FloatingAddress  # address
    enabled: bool = False  # active
    netmask: int | None = None  # vip_nmask
    sorry_server: Address | None = None
    mark: int = 0  # fwmark; 0 is none
    port: int = 80
    protocol: Protocol = Protocol.TCP
    scheduler: str = "wlc"
    persistence_s: int = 0  # persistent
    persistence_prefix: int | None = None  # pmask; None: each client by itself
    client_monitor: str = ""
    send: str | None = None  # without its quotes, escapes as written in the file
    expect: str | None = None
    use_regex: bool = False
    send_program: str | None = None
    timeout_s: int = 10
    reentry_s: int = 180
    fall: int = 1  # ours: consecutive failures until a real server is down
    load_monitor: str = "none"
    quiesce: bool = False  # quiesce_server
    real_servers: tuple[RealServer, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> Address:
        """The virtual IP."""
        return self.floating.address

    def port_of(self, server: RealServer) -> int:
        return self.port if server.port is None else server.port


@dataclass(frozen=True, slots=True)
class Failover:
    """A `failover` block of the old FOS mode: kept and written back, never run."""

    name: str
    floating: FloatingAddress | None = None
    enabled: bool = False
    netmask: int | None = None
    port: int = 80
    timeout_s: int = 10
    send: str | None = None
    expect: str | None = None
    send_program: str | None = None
    start_cmd: str | None = None
    stop_cmd: str | None = None
    kept: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    serial_no: int = 0
    primary: Address | None = None
    primary_private: Address | None = None
    primary_shared: str = ""
    service: Mode = Mode.LVS
    rsh_command: str = "rsh"
    backup_active: bool = False
    backup: Address | None = None  # None where the file says nothing or 0.0.0.0
    backup_private: Address | None = None
    backup_shared: str = ""
    heartbeat: bool = False
    heartbeat_port: int = 539
    keepalive_s: float = 2.0
    deadtime_s: float = 5.0
    network: Forwarding = Forwarding.NAT
    nat_router: FloatingAddress | None = None
    nat_netmask: int | None = None  # nat_nmask
    reservation_conflict_action: str = "nothing"
    debug_level: str = "NONE"
    active_cmd: str = ""
    inactive_cmd: str = ""
    monitor_links: bool = False
    syncdaemon: bool = False
    syncd_iface: str = "eth0"
    syncd_id: int = 0
    tcp_timeout_s: int = 0
    tcpfin_timeout_s: int = 0
    udp_timeout_s: int = 0
    hard_shutdown: bool = True
    ipvsadm: str = "/sbin/ipvsadm"
    sync: bool | None = None  # None: where there is a backup; see `copies_to_peer`
    heartbeat_key_file: str = ""  # this and those after it are ours; empty: heartbeats unsigned
    standby_checks: bool = True
    auto_failback: bool = False
    failback_delay_s: int = 60
    witness: tuple[Address, ...] = ()
    yield_when_isolated: bool = False
    manage_sysctls: bool = False
    script_user: str = ""
    syncd_maxlen: int = 0  # bytes in a datagram; 0: one for each connection
    syncd_group: Address | None = None  # None: 224.0.0.81
    syncd_port: int = 8848
    syncd_ttl: int = 1
    sync_port: int = 22  # of the peer's sshd
    sync_sysctl_file: str = ""  # empty: not copied; so the next
    sync_packet_filter_file: str = ""
    virtual_servers: tuple[VirtualServer, ...] = ()
    failovers: tuple[Failover, ...] = ()

    @property
    def enabled_virtual_servers(self) -> tuple[VirtualServer, ...]:
        return tuple(virtual for virtual in self.virtual_servers if virtual.enabled)

    @property
    def copies_to_peer(self) -> bool:
        """Whether lvs.cf goes to the peer by itself after each save (`sync`)."""
        return self.backup_active and self.sync is not False
