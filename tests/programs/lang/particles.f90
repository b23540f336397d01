! SPDX-License-Identifier: BSD-3-Clause
! particles.f90 - Fortran 90: use mpi, derived types, persistent requests
!
! Particles move on a periodic row of ranks; those that leave a rank's stretch
! go to a neighbour.  Prints counts and a digest.
program particles
  use mpi
  implicit none
  type particle
    sequence
    double precision :: x, v
    integer :: id, hops
  end type particle
  integer, parameter :: most = 4000
  type(particle) :: here(most), away(most, 2), coming(most)
  integer :: ierr, rank, nproc, ring, left, right, steps, step, n, i
  integer :: ptype, old, lens(2), types(2), nout(2), nin(2), req(4), nsum, crossed
  integer :: stats(MPI_STATUS_SIZE, 4), got, colors
  integer(kind=MPI_ADDRESS_KIND) :: disps(2), lb, extent
  double precision :: sums(2), total(2), work
  character(len=16) :: arg

  call MPI_Init(ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, nproc, ierr)
  call MPI_Cart_create(MPI_COMM_WORLD, 1, (/ nproc /), (/ .true. /), .false., ring, ierr)
  call MPI_Comm_rank(ring, rank, ierr)
  call MPI_Cart_shift(ring, 0, 1, left, right, ierr)
  steps = 300
  if (command_argument_count() > 0) then
    call get_command_argument(1, arg)
    read (arg, *) steps
  end if

  lens = (/ 2, 2 /)
  types = (/ MPI_DOUBLE_PRECISION, MPI_INTEGER /)
  disps = (/ 0_MPI_ADDRESS_KIND, 16_MPI_ADDRESS_KIND /)
  call MPI_Type_create_struct(2, lens, disps, types, old, ierr)
  lb = 0
  extent = 24
  call MPI_Type_create_resized(old, lb, extent, ptype, ierr)
  call MPI_Type_commit(ptype, ierr)
  call MPI_Type_free(old, ierr)

  call MPI_Recv_init(nin(1), 1, MPI_INTEGER, left, 1, ring, req(1), ierr)
  call MPI_Recv_init(nin(2), 1, MPI_INTEGER, right, 2, ring, req(2), ierr)
  call MPI_Send_init(nout(2), 1, MPI_INTEGER, right, 1, ring, req(3), ierr)
  call MPI_Ssend_init(nout(1), 1, MPI_INTEGER, left, 2, ring, req(4), ierr)

  n = 500
  do i = 1, n
    here(i) = particle(rank + (i - 0.5d0) / n, (mod(i * 37, 101) - 50) / 400.0d0, rank * n + i, 0)
  end do
  crossed = 0
  do step = 1, steps
    work = 0
    do i = 1, 300000
      work = work + sqrt(dble(i + step))
    end do
    call move(work)
    call MPI_Startall(4, req, ierr)
    call MPI_Waitall(4, req, stats, ierr)
    if (stats(MPI_SOURCE, 1) /= left .or. stats(MPI_TAG, 2) /= 2) call MPI_Abort(ring, 3, ierr)
    call swap(2, right, left, nin(1))
    call swap(1, left, right, nin(2))
    sums = (/ sum(here(1:n)%x * here(1:n)%id), dble(sum(here(1:n)%hops)) /)
    call MPI_Allreduce(sums, total, 2, MPI_DOUBLE_PRECISION, MPI_SUM, ring, ierr)
    call MPI_Allreduce(n, nsum, 1, MPI_INTEGER, MPI_SUM, ring, ierr)
    if (nsum /= nproc * 500) call MPI_Abort(ring, 4, ierr)
    if (mod(step, 50) == 0) then
      call MPI_Comm_split(ring, mod(rank, 2), rank, colors, ierr)
      call MPI_Comm_size(colors, got, ierr)
      crossed = crossed + got
      call MPI_Comm_free(colors, ierr)
    end if
  end do
  do i = 1, 4
    call MPI_Request_free(req(i), ierr)
  end do
  call MPI_Type_free(ptype, ierr)
  print '(A,I3,A,I6,I8,2Z18.16)', 'rank', rank, ':', n, crossed, total(1), total(2)
  call MPI_Comm_free(ring, ierr)
  call MPI_Finalize(ierr)

contains

  ! One step; those that have left go into away, 1: left, 2: right.
  subroutine move(kick)
    double precision, intent(in) :: kick
    integer :: k, kept, side
    kept = 0
    nout = 0
    do k = 1, n
      here(k)%x = here(k)%x + here(k)%v + mod(kick, 1.0d0) * 1d-6
      side = 0
      if (here(k)%x < rank) side = 1
      if (here(k)%x >= rank + 1) side = 2
      if (side == 0) then
        kept = kept + 1
        here(kept) = here(k)
      else
        nout(side) = nout(side) + 1
        away(nout(side), side) = here(k)
        away(nout(side), side)%hops = here(k)%hops + 1
      end if
    end do
    n = kept
  end subroutine move

  subroutine swap(side, to, from, expected)
    integer, intent(in) :: side, to, from, expected
    integer :: status(MPI_STATUS_SIZE), count, k
    call MPI_Sendrecv(away(1, side), nout(side), ptype, to, 10 + side, &
                      coming(1), most, ptype, from, 10 + side, ring, status, ierr)
    call MPI_Get_count(status, ptype, count, ierr)
    if (count /= expected) call MPI_Abort(ring, 5, ierr)
    do k = 1, count
      if (coming(k)%x < 0) coming(k)%x = coming(k)%x + nproc
      if (coming(k)%x >= nproc) coming(k)%x = coming(k)%x - nproc
      here(n + k) = coming(k)
    end do
    n = n + count
  end subroutine swap
end program particles
