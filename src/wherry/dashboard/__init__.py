"""The page that shows rollouts and steers them, on any cluster that a client reaches. What it shows is decided in `wherry.rollout`.

`wherry dashboard` and `wherry up --dashboard` serve it (`serving.Dashboard`). The technique is aiohttp, which wherry has anyway, and small
ES modules without a framework or a build step: nothing is installed for it, and no request leaves the machine.
"""
