"""What lvs.cf needs before it describes a pair, and nothing of it that is there already."""

from __future__ import annotations

from lvsengine.errors import EngineError
from lvsengine.lvscf import edits
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.syntax import Tree
from lvsengine.net import Address

KEY_FILE = "/etc/piranha/heartbeat.key"


def lacking(config: Config) -> tuple[str, ...]:
    """Name the keys that a pair needs and the file lacks, in the file's order."""
    wants = {
        "primary": config.primary is None,
        "backup_active": not config.backup_active,
        "backup": config.backup is None,
        "heartbeat_key_file": not config.heartbeat_key_file,
    }
    return tuple(key for key, is_lacking in wants.items() if is_lacking)


def completed(tree: Tree, config: Config, own: Address, peer: Address) -> Tree:
    """Add what is lacking.

    Args:
        own, peer: The two ends of the connection by which the backup came.

    Raises:
        EngineError: `private-link`: the backup's public address is wanted, and it came by the
            private link.
    """
    values = {"primary": own, "backup_active": True, "backup": peer}
    keys = lacking(config)
    if "backup" in keys and own == config.primary_private:
        raise EngineError(
            "private-link",
            f"the backup came from {peer} over the private link, and lvs.cf does not name its"
            " public address",
            f"join again by the public address of this director, {config.primary}",
        )
    for key in keys:
        tree = edits.with_value(tree, Where(), key, values.get(key, KEY_FILE))
    return edits.with_next_serial(tree) if keys else tree
