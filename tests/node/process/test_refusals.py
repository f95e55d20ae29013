"""What a user is told when the machine refuses namespaces."""

import errno
import re

import pytest

from wherry.node.process.refusals import System, explain

PLAIN = System(None, None, 96551, False)


@pytest.mark.parametrize(("step", "number", "system", "why", "remedy"), [
    ("user namespace", errno.ENOSPC, PLAIN._replace(most_namespaces=0), "max_user_namespaces is 0", "sysctl -w user.max_user_namespaces"),
    ("user namespace", errno.EPERM, PLAIN._replace(users_allowed=False), "unprivileged_userns_clone is 0", "unprivileged_userns_clone=1"),
    ("id map", errno.EACCES, PLAIN._replace(apparmor_restricts=True), "AppArmor", "apparmor_restrict_unprivileged_userns=0"),
    ("unshare", errno.EPERM, PLAIN._replace(apparmor_restricts=True), "AppArmor", "apparmor_restrict_unprivileged_userns=0"),
    ("user namespace", errno.EPERM, PLAIN._replace(filtered=True), "seccomp", "seccomp=unconfined"),
    ("mount proc", errno.EPERM, PLAIN, "/proc are hidden", "systempaths=unconfined"),
    ("newuidmap", errno.EPERM, PLAIN, "newuidmap", "/etc|lines of this user"),
    ("unshare", errno.EINVAL, PLAIN, r"unshare: words", "run as root"),
])
def test_a_refusal_is_named_with_what_to_do(step, number, system, why, remedy):
    refused = explain(step, number, "words", system)
    assert re.search(why, refused.why)
    assert re.search(remedy, refused.remedy)
    assert str(refused) == f"{refused.why}: {refused.remedy}"
