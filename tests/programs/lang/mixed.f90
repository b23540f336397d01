! SPDX-License-Identifier: BSD-3-Clause
! mixed.f90 - use mpi, use mpi_f08 and C in one program: handles that cross
!
! Objects that Fortran makes are used by C, and C's by both Fortrans; each keeps
! its own handles from step to step.  Prints a digest and counts of callbacks.
module c_half
  use, intrinsic :: iso_c_binding
  implicit none
  interface
    subroutine c_keep(handles) bind(c)
      import
      integer(c_int), intent(in) :: handles(7)
    end subroutine c_keep
    subroutine c_make(handles, key) bind(c)
      import
      integer(c_int), intent(out) :: handles(4), key
    end subroutine c_make
    integer(c_int) function c_step(word) bind(c)
      import
      integer(c_int), value :: word
    end function c_step
    subroutine c_mistake() bind(c)
    end subroutine c_mistake
    integer(c_int) function c_attribute(comm, key) bind(c)
      import
      integer(c_int), value :: comm, key
    end function c_attribute
    integer(c_int) function c_receive(buffer, source) bind(c)
      import
      integer(c_int), asynchronous :: buffer(*)
      integer(c_int), value :: source
    end function c_receive
    integer(c_int) function c_receipt(status, back) bind(c)
      import
      integer(c_int), intent(in) :: status(*)
      integer(c_int), intent(out) :: back(*)
    end function c_receipt
    integer(c_int) function c_hits() bind(c)
      import
    end function c_hits
  end interface
  integer :: handled = 0, copied = 0, deleted = 0
end module c_half

! What use mpi makes: integers for handles.
module older
  use mpi
  use c_half
  implicit none
  integer :: comm, abstype, op, group, info, handler, request, key
  integer :: parts(3) = 0, more(2) = 0, inbox(4)
  ! MPICH's module has no interface for buffers of this kind.
  external :: MPI_Send, MPI_Recv, MPI_Recv_init, MPI_Allreduce
contains
  subroutine fold(invec, inoutvec, len, datatype)
    integer :: len, invec(len), inoutvec(len), datatype
    if (datatype == MPI_DATATYPE_NULL) return
    inoutvec = iand(invec * 31 + inoutvec, 1048575)
  end subroutine fold

  subroutine on_error(failed, code)
    integer :: failed, code
    if (failed /= MPI_COMM_NULL .and. code /= MPI_SUCCESS) handled = handled + 1
  end subroutine on_error

  subroutine on_copy(oldcomm, keyval, extra, valin, valout, flag, ierr)
    integer :: oldcomm, keyval, ierr
    integer(kind=MPI_ADDRESS_KIND) :: extra, valin, valout
    logical :: flag
    copied = copied + 1
    valout = valin + extra
    flag = keyval == key .and. oldcomm /= MPI_COMM_NULL
    ierr = MPI_SUCCESS
  end subroutine on_copy

  subroutine on_delete(owner, keyval, val, extra, ierr)
    integer :: owner, keyval, ierr
    integer(kind=MPI_ADDRESS_KIND) :: val, extra
    if (owner /= MPI_COMM_NULL .and. keyval == key .and. val > extra) deleted = deleted + 1
    ierr = MPI_SUCCESS
  end subroutine on_delete

  subroutine make(left)
    integer, intent(in) :: left
    integer :: ierr
    integer(kind=MPI_ADDRESS_KIND) :: disps(2), value
    call MPI_Comm_dup(MPI_COMM_WORLD, comm, ierr)
    call MPI_Get_address(parts, disps(1), ierr)
    call MPI_Get_address(more, disps(2), ierr)
    call MPI_Type_create_struct(2, (/ 3, 2 /), disps, (/ MPI_INTEGER, MPI_INTEGER /), abstype, ierr)
    call MPI_Type_commit(abstype, ierr)
    call MPI_Op_create(fold, .false., op, ierr)
    call MPI_Comm_group(comm, group, ierr)
    call MPI_Info_create(info, ierr)
    call MPI_Info_set(info, 'step', 'fortran', ierr)
    call MPI_Comm_create_errhandler(on_error, handler, ierr)
    call MPI_Comm_create_keyval(on_copy, on_delete, key, 5_MPI_ADDRESS_KIND, ierr)
    value = 70
    call MPI_Comm_set_attr(comm, key, value, ierr)
    call MPI_Recv_init(inbox, 4, MPI_INTEGER, left, 3, comm, request, ierr)
    call c_keep((/ comm, abstype, op, group, info, handler, request /))
  end subroutine make

  ! From MPI_BOTTOM, and what C has started; the receive's status goes through C.
  integer function step(word, right)
    integer, intent(in) :: word, right
    integer :: ierr, status(MPI_STATUS_SIZE), back(MPI_STATUS_SIZE), sum(2), dupped
    integer(kind=MPI_ADDRESS_KIND) :: value
    logical :: flag
    step = c_step(word)
    call MPI_Send((/ word, 1, 2, 3 /), 4, MPI_INTEGER, right, 3, comm, ierr)
    call MPI_Wait(request, status, ierr)
    step = ieor(step * 7, inbox(1)) + c_receipt(status, back)
    if (any(back /= status)) step = -1

    parts = word + (/ 1, 2, 3 /)
    more = word - (/ 1, 2 /)
    sum = (/ word, right /)
    call MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_INTEGER, op, comm, ierr)
    call MPI_Bcast(MPI_BOTTOM, 1, abstype, 0, comm, ierr)
    step = iand(step, 16777215) * 3 + sum(1) + sum(2) + parts(3) + more(2)

    call MPI_Comm_dup(comm, dupped, ierr)
    call MPI_Comm_get_attr(dupped, key, value, flag, ierr)
    if (.not. flag .or. value /= 75) step = -1
    if (c_attribute(dupped, key) /= 75) step = -2
    call MPI_Comm_free(dupped, ierr)
  end function step

  subroutine free()
    integer :: ierr
    call MPI_Request_free(request, ierr)
    call MPI_Comm_free(comm, ierr)
    call MPI_Comm_free_keyval(key, ierr)
    call MPI_Type_free(abstype, ierr)
    call MPI_Op_free(op, ierr)
    call MPI_Group_free(group, ierr)
    call MPI_Info_free(info, ierr)
    call MPI_Errhandler_free(handler, ierr)
  end subroutine free
end module older

! What use mpi_f08 does with C's and the older half's objects.
module newer
  use mpi_f08
  use c_half
  implicit none
  type(MPI_Comm) :: comm
  type(MPI_Datatype) :: vector, abstype
  type(MPI_Op) :: op
  type(MPI_Errhandler) :: handler
  integer :: key
  integer, asynchronous :: pieces(2) = 0
contains
  subroutine take()
    integer(c_int) :: handles(4)
    integer(kind=MPI_ADDRESS_KIND) :: disp(1)
    call c_make(handles, key)
    comm%MPI_VAL = handles(1)
    vector%MPI_VAL = handles(2)
    op%MPI_VAL = handles(3)
    handler%MPI_VAL = handles(4)
    call MPI_Get_address(pieces, disp(1))
    call MPI_Type_create_hindexed(1, (/ 2 /), disp, MPI_INTEGER, abstype)
    call MPI_Type_commit(abstype)
  end subroutine take

  integer function turn(word, right, left)
    integer, intent(in) :: word, right, left
    integer :: sum, count, class, ierr
    integer, asynchronous :: inbox(6), outbox(6)
    type(MPI_Request) :: req(2)
    type(MPI_Status) :: status, again
    integer :: plain(MPI_STATUS_SIZE), back(MPI_STATUS_SIZE)
    integer(kind=MPI_ADDRESS_KIND) :: value
    logical :: flag
    type(MPI_Comm) :: graph

    outbox = word + (/ 1, 2, 3, 4, 5, 6 /)
    inbox = 0
    call MPI_Irecv(inbox, 1, vector, left, 8, comm, req(1))
    call MPI_Isend(outbox, 1, vector, right, 8, comm, req(2))
    call MPI_Waitall(2, req, MPI_STATUSES_IGNORE)
    turn = inbox(1) + inbox(3) * 3 + inbox(5) * 5 + inbox(2)

    call receive_in_c(inbox, left, req(1))
    pieces = word * (/ 2, 3 /)
    call MPI_Send(MPI_BOTTOM, 1, abstype, right, 9, older_comm())
    call MPI_Wait(req(1), status)
    call MPI_Status_f082f(status, plain)
    count = c_receipt(plain, back)
    call MPI_Status_f2f08(back, again)
    call MPI_Get_count(again, MPI_INTEGER, ierr)
    turn = ieor(turn * 3, inbox(1) + inbox(2)) + count + ierr + again%MPI_TAG

    sum = word
    call MPI_Allreduce(MPI_IN_PLACE, sum, 1, MPI_INTEGER, op, comm)
    turn = ieor(turn, sum)
    ! C's attribute is an address here; what is there is a pointer's business.
    call MPI_Comm_get_attr(comm, key, value, flag)
    if (.not. flag .or. value == 0) turn = -1
    call MPI_Dist_graph_create_adjacent(comm, 1, (/ left /), MPI_UNWEIGHTED, 1, (/ right /), &
                                        MPI_UNWEIGHTED, MPI_INFO_NULL, .false., graph)
    call MPI_Comm_set_errhandler(graph, handler)
    call MPI_Send(word, 1, MPI_INTEGER, 1000, 0, graph, ierr)
    call MPI_Error_class(ierr, class)
    if (class /= MPI_ERR_RANK) turn = -1
    call MPI_Comm_free(graph)
    turn = iand(turn, 16777215)
  end function turn

  ! The receive lives in C, its request in both.
  subroutine receive_in_c(buffer, left, request)
    integer, asynchronous :: buffer(6)
    integer, intent(in) :: left
    type(MPI_Request) :: request
    request%MPI_VAL = c_receive(buffer, left)
  end subroutine receive_in_c

  function older_comm()
    use older, only: number => comm
    type(MPI_Comm) :: older_comm
    older_comm%MPI_VAL = number
  end function older_comm

  subroutine leave()
    call MPI_Comm_free(comm)
    call MPI_Type_free(vector)
    call MPI_Type_free(abstype)
    call MPI_Op_free(op)
    call MPI_Errhandler_free(handler)
  end subroutine leave
end module newer

program mixed
  use mpi, only: MPI_COMM_WORLD, MPI_Init, MPI_Finalize, MPI_Comm_rank, MPI_Comm_size
  use c_half
  use older, only: make, step, free
  use newer, only: take, turn, leave
  implicit none
  integer :: ierr, rank, nproc, steps, i, k, digest, word, right, left
  integer(kind=8) :: x
  character(len=16) :: arg

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, nproc, ierr)
  steps = 300
  if (command_argument_count() > 0) then
    call get_command_argument(1, arg)
    read (arg, *) steps
  end if
  right = mod(rank + 1, nproc)
  left = mod(rank + nproc - 1, nproc)
  call make(left)
  call take()
  digest = 29
  do i = 1, steps
    x = digest + rank
    do k = 1, 1000000
      x = iand(x * 1664525_8 + 1013904223_8, 2147483647_8)
    end do
    word = int(iand(x, 65535_8))
    digest = ieor(iand(digest, 1048575) * 31, step(word, right))
    digest = ieor(iand(digest, 1048575) * 37, turn(word, right, left))
    call c_mistake()
  end do
  call leave()
  call free()
  print '(A,I3,A,I12,4I8)', 'rank', rank, ':', digest, copied, deleted, handled, c_hits()
  call MPI_Finalize(ierr)
end program mixed
