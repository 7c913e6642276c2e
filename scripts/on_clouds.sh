#!/bin/sh
# A short set of tests on a real OpenStack, then on an EC2 API, then on a Docker Engine. `make test` runs it beside all other tests.
# usage: scripts/on_clouds.sh CARGO PYTHON
set -u

CARGO=$1
PYTHON=$2

# $1: the folder in fixtures. If this shell ends, the cloud ends with it, and the kernel removes whatever runs there.
on_cloud() {
    setpriv --pdeathsig TERM "$PYTHON" "fixtures/$1/$1.py" run -- sh "scripts/on_$1.sh" "$CARGO" short
}

# One after the other, since each takes its share of the processors.
on_cloud openstack
openstack=$?
on_cloud ec2
ec2=$?
on_cloud docker
docker=$?
echo "make test: exit codes: on OpenStack $openstack, on EC2 $ec2, on Docker $docker"
[ "$openstack" -ne 0 ] && exit "$openstack"
[ "$ec2" -ne 0 ] && exit "$ec2"
exit "$docker"
