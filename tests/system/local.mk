# tests/system: whole commands, in shell, numbered by layer
SYSTEM_TESTS += \
	tests/system/0100-frontier-model.t \
	tests/system/0500-mpich-suite.t \
	tests/system/0510-hpcc.t \
	tests/system/0600-situations.t \
	tests/system/0610-storm.t \
	tests/system/0620-transports.t \
	tests/system/0630-bad-input.t \
	tests/system/0640-file-order.t \
	tests/system/0645-files.t \
	tests/system/0650-shared-memory.t \
	tests/system/0655-compress.t \
	tests/system/0657-memory.t \
	tests/system/0660-kept.t \
	tests/system/0670-burst-buffer.t \
	tests/system/0675-redundancy.t \
	tests/system/0677-incremental.t \
	tests/system/0680-windows.t \
	tests/system/0685-windows-nodes.t \
	tests/system/0900-nodes.t \
	tests/system/0910-slurm.t \
	tests/system/0911-slurm-nodes.t \
	tests/system/0920-faults.t \
	tests/system/0930-munge.t \
	tests/system/0950-scale.t
check_PROGRAMS += tests/programs/cluster/node_init
tests_programs_cluster_node_init_SOURCES = tests/programs/cluster/node_init.c
EXTRA_DIST += tests/system/README.md tests/system/storm-runner \
	tests/soak/README.md tests/soak/RESULTS.md tests/soak/run \
	tests/soak/job.py tests/soak/nodes.py tests/soak/plan.py \
	tests/system/slurm/endings.sh tests/system/slurm/handler.py \
	tests/system/slurm/hold.py \
	tests/system/slurm/requeues.sh \
	mpi_wrappers/frontier.pml mpi_wrappers/frontier.md \
	tests/suite/README.md tests/suite/mpich-suite tests/suite/sample \
	tests/suite/mpich-native.csv tests/suite/report tests/suite/run.py \
	tests/suite/RESULTS.md \
	tests/suite/results.py tests/suite/processes.py tests/suite/testlists
