# All that is written goes to the disk or to scratch space.
mkdir /data
