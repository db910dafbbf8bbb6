"""Every key of lvs.cf, one row each, in the order in which the original's web tool writes them.

The only list of keys: reading, writing, edits, forms and help go by it. Each row says what the
key is called, where it stands, which rule reads it, which field of `model` holds it and, in an
operator's words, what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lvsengine.lvscf import rules
from lvsengine.lvscf.rows import Form as Form
from lvsengine.lvscf.rows import Key as Key
from lvsengine.lvscf.rows import Section as Section
from lvsengine.lvscf.rows import kept, table

_ADDRESS = Key(
    "address",
    rules.floating_address,
    "The virtual IP and the device that carries it, such as 192.0.2.100 eth0:1.",
    field="floating",
    form=Form.FLOATING,
    host=True,
    always=True,
)
_ACTIVE = Key(
    "active",
    rules.boolean,
    "1: enabled. 0: described here, but not offered to clients.",
    field="enabled",
    always=True,
)
_VIP_NMASK = Key(
    "vip_nmask",
    rules.netmask,
    "The netmask that the virtual IP gets on its device.",
    field="netmask",
    form=Form.MASK,
)
_PORT = Key(
    "port",
    rules.port,
    "The port that clients connect to; with a firewall mark, the port that is checked.",
    always=True,
)
_TIMEOUT = Key(
    "timeout",
    rules.check_seconds,
    "Seconds from one check of a real server to the next, and the longest that one may take.",
    field="timeout_s",
    always=True,
)
_SEND = Key(
    "send",
    rules.text,
    r"What a check sends to the real server; \n, \r and \t are line end, return and tab.",
    form=Form.RAW,
)
_EXPECT = Key(
    "expect",
    rules.text,
    "What the answer to a check must begin with; * is any answer. For send_program: all that"
    " the program must print.",
    form=Form.RAW,
)
_SEND_PROGRAM = Key(
    "send_program",
    rules.text,
    "A program that checks a real server instead of send; %h and %p become its address and port.",
    form=Form.RAW,
)
_EXPECT_PROGRAM = kept("expect_program", "Written by old web tools; never had a meaning.")

_OF_THE_PAIR = (
    Key(
        "heartbeat_key_file",
        rules.path,
        "File with the key that signs heartbeats, the same on both directors; without it they"
        " are those of the original, which anyone can forge.",
        form=Form.TEXT,
        ours=True,
    ),
    Key(
        "standby_checks",
        rules.boolean,
        "1: the standby director checks the real servers too, so that it can take over at once."
        " 0: it begins when it takes over.",
        ours=True,
    ),
    Key(
        "auto_failback",
        rules.boolean,
        "1: the primary becomes active again when it is back. 0: it waits as standby.",
        ours=True,
    ),
    Key(
        "failback_delay",
        rules.seconds,
        "With auto_failback: seconds for which the primary must have been ready before. With"
        " syncdaemon it also waits until it knows nine in ten of the other's connections, at most"
        " for tcp_timeout.",
        field="failback_delay_s",
        ours=True,
    ),
    Key(
        "witness",
        rules.addresses,
        "Addresses that answer a ping, such as the gateway and real servers, with blanks between"
        " them: a standby that reaches neither the peer nor any of them does not take over.",
        form=Form.LIST,
        ours=True,
    ),
    Key(
        "yield_when_isolated",
        rules.boolean,
        "1: an active director that reaches neither the peer nor a witness gives up the virtual"
        " IPs. 0: it keeps them.",
        ours=True,
    ),
    Key(
        "manage_sysctls",
        rules.boolean,
        "1: the kernel settings that the pair needs are set. 0: they are only looked at, and"
        " named in `lvsctl status`.",
        ours=True,
    ),
    Key(
        "script_user",
        rules.user,
        "As whom send_program runs where pulse is root, which it need not be; nobody where not"
        " given. Elsewhere it runs as pulse does, without capabilities.",
        ours=True,
    ),
    Key(
        "syncd_maxlen",
        rules.sync_length,
        "Bytes that a message sharing connections gathers; 0 sends each connection at once.",
        ours=True,
    ),
    Key(
        "syncd_group",
        rules.multicast_group,
        "Multicast address by which connections are shared; 224.0.0.81 where not given.",
        ours=True,
    ),
    Key("syncd_port", rules.port_number, "UDP port by which connections are shared.", ours=True),
    Key(
        "syncd_ttl",
        rules.sync_ttl,
        "Time to live of the messages that share connections; 1 does not pass a router.",
        ours=True,
    ),
    Key("sync_port", rules.port_number, "TCP port of ssh at the other director.", ours=True),
    Key(
        "sync_sysctl_file",
        rules.sysctl_file,
        "File of kernel settings that is copied along, /etc/sysctl.conf or one in /etc/sysctl.d;"
        " empty: none. Only settings that begin with net. are taken there.",
        form=Form.TEXT,
        ours=True,
    ),
    Key(
        "sync_packet_filter_file",
        rules.packet_filter_file,
        "File of packet filter rules that is copied along, such as /etc/sysconfig/iptables;"
        " empty: none. It is not loaded there.",
        form=Form.TEXT,
        ours=True,
    ),
)

GLOBAL = table(
    Section.GLOBAL,
    Key("serial_no", rules.serial, "Counts the edits of this file.", always=True),
    Key(
        "primary",
        rules.set_address,
        "Public address of the primary director; a director that holds it is the primary.",
        host=True,
    ),
    Key(
        "primary_private",
        rules.address_or_none,
        "Private address of the primary director, for a second heartbeat link.",
        host=True,
    ),
    Key("primary_shared", rules.text, "Shared disk of the old FOS mode.", form=Form.TEXT),
    Key(
        "service", rules.mode, "lvs; fos is the old failover mode, kept and not run.", always=True
    ),
    Key("rsh_command", rules.text, "How `uptime` is asked of real servers.", form=Form.TEXT),
    Key("backup_active", rules.boolean, "1: there is a backup director.", always=True),
    Key(
        "backup",
        rules.address_or_none,
        "Public address of the backup director; 0.0.0.0 is none.",
        host=True,
    ),
    Key(
        "backup_private",
        rules.address_or_none,
        "Private address of the backup director.",
        host=True,
    ),
    Key("backup_shared", rules.text, "Shared disk of the old FOS mode.", form=Form.TEXT),
    Key("heartbeat", rules.boolean, "Written by the web tool; has no effect.", always=True),
    Key(
        "heartbeat_port", rules.port, "UDP port of the heartbeat, on both directors.", always=True
    ),
    Key(
        "keepalive",
        rules.interval,
        "Seconds between two heartbeats; may have a fraction.",
        field="keepalive_s",
        always=True,
    ),
    Key(
        "deadtime",
        rules.interval,
        "Seconds of silence after which the peer counts as dead; may have a fraction.",
        field="deadtime_s",
        always=True,
    ),
    Key(
        "network",
        rules.forwarding,
        "How packets reach the real servers: nat, direct or tunnel.",
        always=True,
    ),
    Key(
        "nat_router",
        rules.floating_address,
        "With nat: the address that is the real servers' gateway, and its device.",
        form=Form.FLOATING,
        host=True,
    ),
    Key(
        "nat_nmask",
        rules.netmask,
        "Netmask of the NAT router address.",
        field="nat_netmask",
        form=Form.MASK,
    ),
    Key(
        "reservation_conflict_action",
        rules.conflict_action,
        "What the old FOS mode did with a reserved disk.",
    ),
    Key("debug_level", rules.text, "Has no effect.", form=Form.TEXT, always=True),
    Key(
        "active_cmd", rules.text, "Command run when this director becomes active.", form=Form.TEXT
    ),
    Key(
        "inactive_cmd",
        rules.text,
        "Command run when this director becomes standby, and at start.",
        form=Form.TEXT,
    ),
    Key(
        "monitor_links",
        rules.boolean,
        "1: an active director without its public link gives up, and with nat without its private"
        " one, unless the other director has lost such a link too; with direct and tunnel the"
        " private link counts when most real servers are down without it.",
    ),
    Key("syncdaemon", rules.boolean, "1: the directors share their connections."),
    Key("syncd_iface", rules.interface, "Interface over which connections are shared."),
    Key("syncd_id", rules.sync_id, "Id of the sharing, 0 to 255, the same on both directors."),
    Key(
        "tcp_timeout",
        rules.kernel_seconds,
        "Seconds until an idle TCP connection is forgotten; 0 leaves the kernel's 900.",
        field="tcp_timeout_s",
    ),
    Key(
        "tcpfin_timeout",
        rules.kernel_seconds,
        "Seconds until a closed TCP connection is forgotten; 0 leaves the kernel's 120.",
        field="tcpfin_timeout_s",
    ),
    Key(
        "udp_timeout",
        rules.kernel_seconds,
        "Seconds until an idle UDP exchange is forgotten; 0 leaves the kernel's 300.",
        field="udp_timeout_s",
    ),
    Key("hard_shutdown", rules.boolean, "Of the original's daemons; has no effect here."),
    Key("ipvsadm", rules.text, "Path of the original's tool; has no effect here.", form=Form.TEXT),
    Key(
        "sync",
        rules.boolean,
        "1: lvs.cf is copied to the other director after each ACCEPT, which is what holds where"
        " there is a backup and nothing is given. 0: only by hand.",
    ),
    *_OF_THE_PAIR,
)

FAILOVER = table(
    Section.FAILOVER,
    _ADDRESS,
    _VIP_NMASK,
    _ACTIVE,
    replace(_PORT, doc="The port that is checked."),
    replace(_TIMEOUT, doc="Seconds from one check to the next."),
    kept("heartbeat", "Written by old web tools; never had a meaning here."),
    _SEND,
    _EXPECT,
    _SEND_PROGRAM,
    _EXPECT_PROGRAM,
    Key("start_cmd", rules.text, "Command that starts what is failed over.", form=Form.RAW),
    Key("stop_cmd", rules.text, "Command that stops what is failed over.", form=Form.RAW),
    *(
        kept(name, "Means something in a virtual block only.")
        for name in (
            "sorry_server",
            "fwmark",
            "persistent",
            "pmask",
            "use_regex",
            "load_monitor",
            "scheduler",
            "deadtime",
            "protocol",
            "reentry",
            "quiesce_server",
            "client_monitor",
            "master",
            "dirs",
        )
    ),
)

VIRTUAL = table(
    Section.VIRTUAL,
    _ACTIVE,
    _ADDRESS,
    Key(
        "sorry_server",
        rules.address_or_none,
        "Address of a server that stands in while no real server is up.",
    ),
    _VIP_NMASK,
    Key(
        "fwmark",
        rules.mark,
        "Firewall mark of the packets to balance, instead of address and port; 0 is none."
        " Virtual servers with the same mark are one.",
        field="mark",
    ),
    _PORT,
    Key(
        "persistent",
        rules.kernel_seconds,
        "Seconds for which a client stays with its real server; 0 is not at all.",
        field="persistence_s",
    ),
    Key(
        "pmask",
        rules.client_mask,
        "Clients that share this much of their address stay together.",
        field="persistence_prefix",
        form=Form.MASK,
    ),
    _SEND,
    _EXPECT,
    Key("use_regex", rules.boolean, "1: expect is a regular expression.", always=True),
    _SEND_PROGRAM,
    _EXPECT_PROGRAM,
    Key(
        "load_monitor",
        rules.text,
        "How the load of real servers is asked: none, uptime, rup or ruptime.",
        form=Form.TEXT,
        always=True,
    ),
    Key("scheduler", rules.scheduler, "How a real server is chosen.", always=True),
    kept("deadtime", "Written by old web tools; deadtime is a global key."),
    Key("protocol", rules.protocol, "tcp or udp; sctp is ours.", always=True),
    _TIMEOUT,
    Key(
        "reentry",
        rules.seconds,
        "Seconds for which a failed real server must pass its checks until it serves again.",
        field="reentry_s",
        always=True,
    ),
    Key(
        "quiesce_server",
        rules.boolean,
        "1: a failed real server keeps its connections and gets no new ones. 0: they are cut.",
        field="quiesce",
        always=True,
    ),
    Key(
        "client_monitor",
        rules.text,
        "Path of the original's checker; the checks are built in here.",
        form=Form.TEXT,
    ),
    kept("start_cmd", "Means something in a failover block only."),
    kept("stop_cmd", "Means something in a failover block only."),
    kept("master", "Of the oldest versions' file copying; has no effect."),
    kept("dirs", "Of the oldest versions' file copying; has no effect."),
    Key(
        "fall",
        rules.fall,
        "How many checks in a row must fail until a real server is taken out.",
        ours=True,
    ),
)

SERVER = table(
    Section.SERVER,
    Key(
        "address",
        rules.address,
        "Address of the real server.",
        host=True,
        always=True,
    ),
    kept("nmask", "Written by old web tools; never had a meaning."),
    replace(_ACTIVE, doc="1: enabled. 0: described here, but never used."),
    Key(
        "port",
        rules.port_number,
        "Port of the real server where it differs from the virtual server's; only with nat.",
    ),
    Key(
        "weight",
        rules.weight,
        "Shares of the connections, 0 to 65535; 0 gets no new ones.",
        always=True,
    ),
)

KEYS: Mapping[Section, Mapping[str, Key]] = {
    Section.GLOBAL: GLOBAL,
    Section.FAILOVER: FAILOVER,
    Section.VIRTUAL: VIRTUAL,
    Section.SERVER: SERVER,
}
