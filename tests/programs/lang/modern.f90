! SPDX-License-Identifier: BSD-3-Clause
! modern.f90 - Fortran 2008: use mpi_f08, typed handles, callbacks
module callbacks
  use mpi_f08
  implicit none
  integer :: copied = 0, deleted = 0, handled = 0
contains
  ! Not commutative: the order of the ranks shows.
  subroutine fold(invec, inoutvec, len, datatype)
    use, intrinsic :: iso_c_binding, only: c_ptr, c_f_pointer
    type(c_ptr), value :: invec, inoutvec
    integer :: len
    type(MPI_Datatype) :: datatype
    integer, pointer :: a(:), b(:)
    if (datatype /= MPI_INTEGER) return
    call c_f_pointer(invec, a, (/ len /))
    call c_f_pointer(inoutvec, b, (/ len /))
    b = iand(a * 31 + b, 1048575)
  end subroutine fold

  subroutine on_copy(oldcomm, keyval, extra, valin, valout, flag, ierror)
    type(MPI_Comm) :: oldcomm
    integer :: keyval, ierror
    integer(kind=MPI_ADDRESS_KIND) :: extra, valin, valout
    logical :: flag
    copied = copied + 1
    valout = valin + extra
    flag = .true.
    ierror = MPI_SUCCESS
  end subroutine on_copy

  subroutine on_delete(comm, keyval, val, extra, ierror)
    type(MPI_Comm) :: comm
    integer :: keyval, ierror
    integer(kind=MPI_ADDRESS_KIND) :: val, extra
    deleted = deleted + 1
    ierror = MPI_SUCCESS
  end subroutine on_delete

  subroutine on_error(comm, code)
    type(MPI_Comm) :: comm
    integer :: code
    handled = handled + 1
  end subroutine on_error
end module callbacks

program modern
  use mpi_f08
  use callbacks
  implicit none
  integer :: rank, nproc, steps, step, key, digest, right, left, i
  integer :: word, all(2), class, ierr, got
  integer, asynchronous :: inbox(8), outbox(8), counts
  integer(kind=MPI_ADDRESS_KIND) :: attr, extra
  type(MPI_Comm) :: ring, half, copy
  type(MPI_Op) :: op
  type(MPI_Errhandler) :: handler
  type(MPI_Datatype) :: columns
  type(MPI_Request) :: req(2), reduction
  type(MPI_Status) :: status, stats(2)
  type(MPI_Message) :: message
  logical :: flag
  character(len=16) :: arg
  integer(kind=8) :: x

  call MPI_Init()
  call MPI_Comm_dup(MPI_COMM_WORLD, ring)
  call MPI_Comm_rank(ring, rank)
  call MPI_Comm_size(ring, nproc)
  steps = 300
  if (command_argument_count() > 0) then
    call get_command_argument(1, arg)
    read (arg, *) steps
  end if
  right = mod(rank + 1, nproc)
  left = mod(rank + nproc - 1, nproc)
  extra = 3
  attr = 100 + rank
  call MPI_Comm_create_keyval(on_copy, on_delete, key, extra)
  call MPI_Comm_set_attr(ring, key, attr)
  call MPI_Op_create(fold, .false., op)
  call MPI_Comm_create_errhandler(on_error, handler)
  call MPI_Type_vector(4, 1, 2, MPI_INTEGER, columns)
  call MPI_Type_commit(columns)
  call MPI_Comm_split(ring, mod(rank, 2), rank, half)

  digest = 23
  do step = 1, steps
    x = digest + rank
    do i = 1, 1000000
      x = iand(x * 1664525_8 + 1013904223_8, 2147483647_8)
    end do
    word = int(iand(x, 65535_8))
    outbox = (/ (word + i, i = 1, 8) /)
    inbox = 0
    call MPI_Irecv(inbox, 1, columns, left, 1, ring, req(1))
    call MPI_Isend(outbox, 1, columns, right, 1, ring, req(2))
    call MPI_Waitall(2, req, stats)
    if (stats(1)%MPI_SOURCE /= left .or. stats(1)%MPI_TAG /= 1) digest = 0
    digest = ieor(digest, inbox(1) + inbox(3) * 3 + inbox(7) + inbox(2))

    call MPI_Isend(outbox, 5, MPI_INTEGER, right, 2, ring, req(1))
    call MPI_Mprobe(MPI_ANY_SOURCE, 2, ring, message, status)
    call MPI_Get_count(status, MPI_INTEGER, got)
    call MPI_Mrecv(inbox, got, MPI_INTEGER, message, MPI_STATUS_IGNORE)
    call MPI_Wait(req(1), MPI_STATUS_IGNORE)
    digest = digest + inbox(5) + got

    all = (/ word, rank /)
    call MPI_Allreduce(MPI_IN_PLACE, all, 2, MPI_INTEGER, op, ring)
    digest = ieor(digest * 31, all(1)) + all(2)
    counts = word
    call MPI_Iallreduce(MPI_IN_PLACE, counts, 1, MPI_INTEGER, MPI_BXOR, half, reduction)
    call MPI_Comm_dup(ring, copy)
    call MPI_Comm_get_attr(copy, key, attr, flag)
    if (.not. flag .or. attr /= 103 + rank) digest = 0
    call MPI_Comm_set_errhandler(copy, handler)
    call MPI_Send(word, 1, MPI_INTEGER, 1000, 0, copy, ierr)
    call MPI_Error_class(ierr, class)
    if (class == MPI_ERR_RANK) digest = digest + 1
    call MPI_Comm_free(copy)
    flag = .false.
    do while (.not. flag)
      call MPI_Test(reduction, flag, MPI_STATUS_IGNORE)
    end do
    digest = iand(digest * 5 + counts, 1073741823)
    call MPI_Bcast(digest, 1, MPI_INTEGER, mod(step, nproc), ring)
  end do
  call MPI_Comm_free(half)
  call MPI_Type_free(columns)
  call MPI_Op_free(op)
  call MPI_Errhandler_free(handler)
  call MPI_Comm_free(ring)
  call MPI_Comm_free_keyval(key)
  print '(A,I3,A,I12,3I8)', 'rank', rank, ':', digest, copied, deleted, handled
  call MPI_Finalize()
end program modern
