# SPDX-License-Identifier: BSD-3-Clause
# package.py - Spack recipe for Cairn
import os

from spack.package import *


class Cairn(AutotoolsPackage):
    """Checkpoint and restart of unmodified MPI programs of the MPICH ABI:
    write cairnrun where mpirun stood."""

    # make dist makes the tarball, in the folder where spack is run
    manual_download = True
    url = "file://{0}/cairn-0.1.0.tar.xz".format(os.getcwd())

    license("BSD-3-Clause")

    version("0.1.0")

    variant("munge", default=False, description="cairnrun --auth munge")

    variant("fabric", default=True, description="cairnrun --redundancy")

    depends_on("c", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("cunit", type="build")
    depends_on("zstd@1.4:")
    depends_on("xxhash@0.8:")
    depends_on("jansson@2.10:")
    depends_on("libsodium@1.0.16:")
    depends_on("munge", when="+munge")
    depends_on("libfabric@1.14:", when="+fabric")
    depends_on("mpich@3.4:", type=("build", "link", "run"))

    requires("platform=linux", "target=x86_64:", msg="Cairn runs on x86-64 Linux only")

    def configure_args(self):
        return ["--disable-system-tests"] + (
            self.with_or_without("munge") + self.with_or_without("fabric")
        )
