"""What stays in Latin letters on a Chinese page."""

from __future__ import annotations

from lvsengine.ipvs.schedulers import SCHEDULERS

# Whole texts: names of protocols, keys and commands.
SAME_IN_CHINESE = {
    "Heartbeat", "NAT", "PIRANHA CONFIGURATION TOOL", "Piranha Configuration Tool", "a FIFO",
    "chown {user} {path}", "failover", "install {path} {sha256} {expected}", "nft -f {path}",
    "server", "sysctl -p {path}", "virtual", "{order} is written as {read}",
}  # fmt: skip

# Several words that are a name or a command together.
PHRASES = (
    "PIRANHA CONFIGURATION TOOL", "Piranha Configuration Tool", "Firewall Mark",
    "Sorry Server", "sorry server", "lvsctl check FILE", "lvsctl check", "lvsctl reload",
    "lvsctl pair install-received", "lvsctl pair invite", "lvsctl pair join", "lvsctl pair",
    "lvsctl sync", "以 net. 開頭", "NAME.conf",
    "lvsctl status", "lvsctl heartbeat-key new FILE", "nothing 或 preempt", "direct 與 tunnel",
    "nat、direct 或 tunnel", "ipvsadm -Ln", "「傳送」為 quit", "virtual NAME {", "server NAME {",
    "failover NAME {", "virtual 區塊", "server 區塊", "Quiesce 伺服器",
    "Apache 的 Order、Allow 與 Deny 行", "systemctl start pulse",
)  # fmt: skip

# Words within a text, as the manual or every engineer writes them: protocols and formats, daemons
# and commands, values and roles; and the names that the tests give.
LATIN = {
    "ARP", "ASCII", "BOM", "CSV", "DNS", "FIN", "FOS", "FTP", "HTTP", "IP", "IPv", "IPVS", "LVS",
    "MiB", "KiB", "NAT", "NUL", "SCTP", "SHA", "TCP", "TTL", "UDP", "UTF", "ms",
    "ActiveConn", "Daemon", "English", "Heartbeat", "InActConn", "Maglev",
    "OK", "Persistence", "Piranha", "SCRIPTS", "cookie", "daemon",
    "heartbeat", "ping", "root", "rsh", "scp", "shell", "socket",
    "ssh", "sshd", "telnet",
    "ipvsadm", "lvsctl", "nanny", "nobody", "piranha", "pulse", "rstatd", "rwhod",
    "fos", "http", "lvs", "nat", "none", "rup", "ruptime", "sctp", "tcp", "udp", "uptime",
    "failover", "viewer", "operator", "admin",
    "shop", "one", "two",
} | SCHEDULERS.keys()  # fmt: skip
