#!/bin/sh
# deploy.sh IMAGE: puts the image into the Deployment "web", waits for it, and takes it back when it does not come up.
set -eu
cd "$(dirname "$0")"
sed "s|IMAGE|$1|" app.yaml | kubectl apply -f -
if ! kubectl rollout status deployment/web --timeout "${DEPLOY_TIMEOUT:-60s}"; then
    kubectl rollout undo deployment/web
    kubectl rollout status deployment/web --timeout 60s
    echo "$1 did not come up: the version before is back" >&2
    exit 3
fi
