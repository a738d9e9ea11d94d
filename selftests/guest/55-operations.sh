#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every operation in a state, plain and with Force; see selftests/matrix. Without
# arguments one state, which is quick; "all" means all.
# kernels: 6.12
# timeout: 1200

. ./lib.sh

# No volume here is one of LVM: the daemon need not look at LVM after every step.
service=/run/systemd/system/blkrepld.service.d
mkdir -p $service
printf '[Service]\nEnvironment=PATH=/usr/bin\n' >$service/no-lvm.conf
systemctl daemon-reload
systemctl start blkrepld || give_up "the service does not start"
case $* in
all) set -- ;;
'') set -- -s Initialized ;;
esac
./operations-matrix "$@"
status=$?
systemctl stop blkrepld
rm -r $service
systemctl daemon-reload
exit $status
