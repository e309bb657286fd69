#!/bin/bash
echo "launch=$LAUNCH_COMPONENTS registry=$REGISTRY_PORT router=$ROUTER_PORT babysitters=${BABYSITTER_CONFIGS:-none}"
echo "program=$(command -v infini-router)"
