"""`rollout`: the group; each subcommand is in a module of its own."""

from __future__ import annotations

from wherry.cli.kube.command import KubeGroup

_HERE = "wherry.cli.kube."

#: what the command prints without a subcommand: the reference's own list; --help shows ours too
_LISTING = """Manage the rollout of one or many resources.

 Valid resource types include:

  *  deployments
  *  daemonsets
  *  statefulsets

Examples:
  # Rollback to the previous deployment
  {program} rollout undo deployment/abc

  # Check the rollout status of a daemonset
  {program} rollout status daemonset/foo

  # Restart a deployment
  {program} rollout restart deployment/abc

  # Restart deployments with the 'app=nginx' label
  {program} rollout restart deployment --selector=app=nginx

Available Commands:
  history       View rollout history
  pause         Mark the provided resource as paused
  restart       Restart a resource
  resume        Resume a paused resource
  status        Show the status of the rollout
  undo          Undo a previous rollout

Usage:
  {program} rollout SUBCOMMAND [options]

Use "{program} rollout <command> --help" for more information about a given command.
Use "{program} options" for a list of global command-line options (applies to all commands)."""

rollout = KubeGroup("rollout", {
    "history": (_HERE + "rollout_history", "history", "Show the revisions of a rollout"),
    "pause": (_HERE + "rollout_change", "pause", "Stop rolling out changes for now"),
    "restart": (_HERE + "rollout_restart", "restart", "Replace every pod by a new one"),
    "resume": (_HERE + "rollout_change", "resume", "Roll out again what changed while paused"),
    "status": (_HERE + "rollout_status", "status", "Follow a rollout until it is done"),
    "undo": (_HERE + "rollout_undo", "undo", "Go back to an earlier revision"),
    "remember": (_HERE + "rollout_remember", "remember", "Keep the configuration of the running revision, for undo --with-config"),
    "guard": (_HERE + "rollout_guard", "guard", "Follow a rollout, and undo it when a condition fails"),
    "steps": (_HERE + "rollout_steps", "steps", "Roll out in steps, with checks between them"),
    "diff": (_HERE + "rollout_diff", "diff", "Show what changed between two revisions"),
    "rehearse": (_HERE + "rollout_rehearse", "rehearse", "Play a rollout before it happens"),
}, summary="Update, watch, pause, inspect and undo Deployments, StatefulSets and DaemonSets.", listing=_LISTING)
