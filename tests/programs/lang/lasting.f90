! SPDX-License-Identifier: BSD-3-Clause
! lasting.f90 - windows and files that stay open, by use mpi and by use mpi_f08
!
! usage: lasting STEPS, of 10 ms and more
! Each step uses all of them, and each half uses one of the other's.  Says when some
! steps are done; prints a digest of all that was read and counts of callbacks.  The
! ranks must be on one node.
module lasting_old
  use mpi
  implicit none
  integer, parameter :: cells = 16
  integer :: win, file, board(cells), from(cells), back(cells), handler(2)
  integer :: left, right, nproc, win_errors = 0, file_errors = 0
contains
  subroutine on_win_error(failed, code)
    integer :: failed, code
    if (failed == win .and. code /= MPI_SUCCESS) win_errors = win_errors + 1
  end subroutine on_win_error

  ! MPICH does not tell it which file failed.
  subroutine on_file_error(failed, code)
    integer :: failed, code
    if (code /= MPI_SUCCESS) file_errors = file_errors + 1
  end subroutine on_file_error

  ! Each rank sees every nproc-th piece of four integers.
  subroutine view(rank)
    integer, intent(in) :: rank
    integer :: four, piece, ierr
    integer(kind=MPI_ADDRESS_KIND) :: lb, extent
    integer(kind=MPI_OFFSET_KIND) :: disp
    call MPI_Type_contiguous(4, MPI_INTEGER, four, ierr)
    lb = 0
    extent = 16 * nproc
    call MPI_Type_create_resized(four, lb, extent, piece, ierr)
    call MPI_Type_commit(piece, ierr)
    disp = 16 * rank
    call MPI_File_set_view(file, disp, MPI_INTEGER, piece, 'native', MPI_INFO_NULL, ierr)
    call MPI_Type_free(piece, ierr)
    call MPI_Type_free(four, ierr)
  end subroutine view

  subroutine older_begin(rank)
    integer, intent(in) :: rank
    integer :: ierr
    integer(kind=MPI_ADDRESS_KIND) :: bytes
    call MPI_Comm_size(MPI_COMM_WORLD, nproc, ierr)
    right = mod(rank + 1, nproc)
    left = mod(rank + nproc - 1, nproc)
    bytes = 4 * cells
    call MPI_Win_create(board, bytes, 4, MPI_INFO_NULL, MPI_COMM_WORLD, win, ierr)
    call MPI_Win_create_errhandler(on_win_error, handler(1), ierr)
    call MPI_Win_set_errhandler(win, handler(1), ierr)
    call MPI_File_open(MPI_COMM_WORLD, 'lasting.older', ior(MPI_MODE_CREATE, MPI_MODE_RDWR), &
                       MPI_INFO_NULL, file, ierr)
    if (ierr /= MPI_SUCCESS) call MPI_Abort(MPI_COMM_WORLD, 2, ierr)
    call MPI_File_set_size(file, 0_MPI_OFFSET_KIND, ierr)
    call MPI_File_create_errhandler(on_file_error, handler(2), ierr)
    call MPI_File_set_errhandler(file, handler(2), ierr)
    call view(rank)
  end subroutine older_begin

  ! Put and accumulate between fences, and a put where none is allowed.
  integer function fences(word)
    integer, intent(in) :: word
    integer :: i, ierr
    board = 0
    from = (/ (word + i, i = 1, cells) /)
    call MPI_Win_fence(MPI_MODE_NOPRECEDE, win, ierr)
    call MPI_Put(from, 4, MPI_INTEGER, right, 0_MPI_ADDRESS_KIND, 4, MPI_INTEGER, win, ierr)
    call MPI_Accumulate(from(5), 4, MPI_INTEGER, 0, 8_MPI_ADDRESS_KIND, 4, MPI_INTEGER, &
                        MPI_SUM, win, ierr)
    call MPI_Win_fence(MPI_MODE_NOSUCCEED, win, ierr)
    fences = sum(board)
    call MPI_Put(from, 1, MPI_INTEGER, right, 0_MPI_ADDRESS_KIND, 1, MPI_INTEGER, win, ierr)
  end function fences

  ! On from the pointer; back to what an earlier step wrote; before the beginning.
  integer function pieces(step, word)
    integer, intent(in) :: step, word
    integer :: status(MPI_STATUS_SIZE), got, ierr
    integer(kind=MPI_OFFSET_KIND) :: at
    call MPI_File_write_all(file, from, 8, MPI_INTEGER, status, ierr)
    call MPI_File_get_position(file, at, ierr)
    pieces = int(at)
    if (at /= 8 * step) pieces = -1
    at = 8 * mod(word, step)
    call MPI_File_read_at(file, at, back, 8, MPI_INTEGER, status, ierr)
    call MPI_Get_count(status, MPI_INTEGER, got, ierr)
    pieces = pieces + sum(back(1:8)) + got
    call MPI_File_read_at(file, -8_MPI_OFFSET_KIND, back, 8, MPI_INTEGER, status, ierr)
  end function pieces

  ! A window of the other half.
  integer function older_get(theirs, slot)
    integer, intent(in) :: theirs, slot
    integer :: ierr
    integer(kind=MPI_ADDRESS_KIND) :: disp
    disp = slot
    call MPI_Win_lock(MPI_LOCK_SHARED, right, 0, theirs, ierr)
    call MPI_Get(back, 1, MPI_INTEGER, right, disp, 1, MPI_INTEGER, theirs, ierr)
    call MPI_Win_unlock(right, theirs, ierr)
    older_get = back(1)
  end function older_get

  subroutine older_end(rank)
    integer, intent(in) :: rank
    integer :: ierr
    call MPI_Win_free(win, ierr)
    call MPI_File_close(file, ierr)
    call MPI_Errhandler_free(handler(1), ierr)
    call MPI_Errhandler_free(handler(2), ierr)
    if (rank == 0) call MPI_File_delete('lasting.older', MPI_INFO_NULL, ierr)
  end subroutine older_end
end module lasting_old

module lasting_new
  use mpi_f08
  use, intrinsic :: iso_c_binding
  implicit none
  integer, parameter :: room = 8
  type(MPI_Win) :: allocated, dynamic, shared
  type(MPI_File) :: file, crossed
  type(MPI_Group) :: to_left, to_right
  type(MPI_Errhandler) :: handler(2)
  type(c_ptr) :: place
  integer, pointer :: pool(:), mine(:), theirs(:)
  integer, asynchronous :: inbox(room), outbox(room)
  integer, allocatable, target, asynchronous :: attached(:)
  integer(kind=MPI_ADDRESS_KIND), allocatable :: where_it_is(:)
  integer :: left, right, nproc, key, win_errors = 0, file_errors = 0, deleted = 0
contains
  subroutine on_win_error(failed, code)
    type(MPI_Win) :: failed
    integer :: code
    if (failed == allocated .and. code /= MPI_SUCCESS) win_errors = win_errors + 1
  end subroutine on_win_error

  subroutine on_file_error(failed, code)
    type(MPI_File) :: failed
    integer :: code
    if (code /= MPI_SUCCESS) file_errors = file_errors + 1
  end subroutine on_file_error

  subroutine on_delete(owner, keyval, val, extra, ierror)
    type(MPI_Win) :: owner
    integer :: keyval, ierror
    integer(kind=MPI_ADDRESS_KIND) :: val, extra
    if (owner == allocated .and. keyval == key .and. val > extra) deleted = deleted + 1
    ierror = MPI_SUCCESS
  end subroutine on_delete

  subroutine allocate_begin(rank)
    integer, intent(in) :: rank
    integer(kind=MPI_ADDRESS_KIND) :: bytes
    type(MPI_Group) :: all
    bytes = 4 * room
    call MPI_Win_allocate(bytes, 4, MPI_INFO_NULL, MPI_COMM_WORLD, place, allocated)
    call c_f_pointer(place, pool, (/ room /))
    pool = 0
    call MPI_Win_create_errhandler(on_win_error, handler(1))
    call MPI_Win_set_errhandler(allocated, handler(1))
    call MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, on_delete, key, 5_MPI_ADDRESS_KIND)
    call MPI_Win_set_attr(allocated, key, 70_MPI_ADDRESS_KIND + rank)
    call MPI_Win_set_name(allocated, 'of Fortran')
    call MPI_Win_get_group(allocated, all)
    call MPI_Group_incl(all, 1, (/ left /), to_left)
    call MPI_Group_incl(all, 1, (/ right /), to_right)
    call MPI_Group_free(all)
    call MPI_Barrier(MPI_COMM_WORLD)
  end subroutine allocate_begin

  subroutine dynamic_begin(rank)
    integer, intent(in) :: rank
    integer(kind=MPI_ADDRESS_KIND) :: bytes
    allocate (attached(room), where_it_is(0:nproc - 1))
    attached = 0
    bytes = 4 * room
    call MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, dynamic)
    call MPI_Win_attach(dynamic, attached, bytes)
    call MPI_Get_address(attached, where_it_is(rank))
    call MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, where_it_is, 1, MPI_AINT, MPI_COMM_WORLD)
    call MPI_Win_lock_all(0, dynamic)
  end subroutine dynamic_begin

  subroutine shared_begin()
    integer(kind=MPI_ADDRESS_KIND) :: bytes
    integer :: unit
    type(c_ptr) :: base
    bytes = 4 * room
    call MPI_Win_allocate_shared(bytes, 4, MPI_INFO_NULL, MPI_COMM_WORLD, base, shared)
    call c_f_pointer(base, mine, (/ room /))
    call MPI_Win_shared_query(shared, right, bytes, unit, base)
    call c_f_pointer(base, theirs, (/ room /))
    call MPI_Win_lock_all(MPI_MODE_NOCHECK, shared)
  end subroutine shared_begin

  subroutine newer_begin(rank, older_file)
    integer, intent(in) :: rank, older_file
    call MPI_Comm_size(MPI_COMM_WORLD, nproc)
    right = mod(rank + 1, nproc)
    left = mod(rank + nproc - 1, nproc)
    call allocate_begin(rank)
    call dynamic_begin(rank)
    call shared_begin()
    call MPI_File_open(MPI_COMM_WORLD, 'lasting.newer', ior(MPI_MODE_CREATE, MPI_MODE_RDWR), &
                       MPI_INFO_NULL, file)
    call MPI_File_set_size(file, 0_MPI_OFFSET_KIND)
    call MPI_File_create_errhandler(on_file_error, handler(2))
    call MPI_File_set_errhandler(file, handler(2))
    crossed%MPI_VAL = older_file
  end subroutine newer_begin

  ! What a window knows of itself, in Fortran's form.
  integer function known(rank)
    integer, intent(in) :: rank
    integer(kind=MPI_ADDRESS_KIND) :: val, here
    character(len=MPI_MAX_OBJECT_NAME) :: name
    integer :: length
    logical :: flag
    known = 1
    call MPI_Get_address(pool, here)
    call MPI_Win_get_attr(allocated, MPI_WIN_BASE, val, flag)
    if (.not. flag .or. val /= here) known = -1
    call MPI_Win_get_attr(allocated, MPI_WIN_SIZE, val, flag)
    if (.not. flag .or. val /= 4 * room) known = -2
    call MPI_Win_get_attr(allocated, key, val, flag)
    if (.not. flag .or. val /= 70 + rank) known = -3
    call MPI_Win_get_name(allocated, name, length)
    if (name(1:length) /= 'of Fortran') known = -4
  end function known

  ! Post and start; a count under a lock; an unlock of what is not locked.
  integer function epochs(step, word)
    integer, intent(in) :: step, word
    integer :: target, one, old
    target = mod(step, nproc)
    outbox = word
    call MPI_Win_post(to_left, 0, allocated)
    call MPI_Win_start(to_right, 0, allocated)
    call MPI_Put(outbox, 1, MPI_INTEGER, right, 0_MPI_ADDRESS_KIND, 1, MPI_INTEGER, allocated)
    call MPI_Win_complete(allocated)
    call MPI_Win_wait(allocated)
    epochs = pool(1)
    one = iand(word, 15)
    call MPI_Win_lock(MPI_LOCK_EXCLUSIVE, target, 0, allocated)
    call MPI_Fetch_and_op(one, old, MPI_INTEGER, target, 1_MPI_ADDRESS_KIND, MPI_SUM, allocated)
    call MPI_Win_unlock(target, allocated)
    call MPI_Win_unlock(target, allocated)
  end function epochs

  integer function dynamics(step, word)
    integer, intent(in) :: step, word
    integer(kind=MPI_ADDRESS_KIND) :: at
    integer :: slot
    type(MPI_Request) :: req
    slot = mod(step, room)
    at = MPI_Aint_add(where_it_is(right), int(4 * slot, MPI_ADDRESS_KIND))
    outbox(1) = word * 3
    call MPI_Rput(outbox, 1, MPI_INTEGER, right, at, 1, MPI_INTEGER, dynamic, req)
    call MPI_Wait(req, MPI_STATUS_IGNORE)
    call MPI_Win_flush(right, dynamic)
    mine(1 + slot) = word * 5
    call MPI_Win_sync(shared)
    call MPI_Barrier(MPI_COMM_WORLD)
    call MPI_Win_sync(shared)
    call MPI_Win_sync(dynamic)
    dynamics = ieor(sum(attached), sum(theirs))
  end function dynamics

  ! One after the other; then a split read of the other half's file.
  integer function lines(step, word)
    integer, intent(in) :: step, word
    integer(kind=MPI_OFFSET_KIND) :: at
    type(MPI_Status) :: status
    integer :: got
    at = 8 * mod(word, step)
    call MPI_File_read_at_all_begin(crossed, at, inbox, 8, MPI_INTEGER)
    outbox = word
    call MPI_File_write_ordered(file, outbox, 4, MPI_INTEGER, MPI_STATUS_IGNORE)
    call MPI_File_read_at_all_end(crossed, inbox, status)
    call MPI_Get_count(status, MPI_INTEGER, got)
    lines = sum(inbox) + got
    call MPI_Barrier(MPI_COMM_WORLD)
    call MPI_File_get_position_shared(file, at)
    if (at /= step * nproc * 16) lines = -1
    at = 16 * mod(word, step * nproc)
    call MPI_File_read_at(file, at, inbox, 1, MPI_INTEGER, MPI_STATUS_IGNORE)
    lines = lines * 3 + inbox(1)
    call MPI_File_read_at(file, -1_MPI_OFFSET_KIND, inbox, 1, MPI_INTEGER, MPI_STATUS_IGNORE)
    call MPI_Barrier(MPI_COMM_WORLD)
  end function lines

  subroutine newer_end(rank)
    integer, intent(in) :: rank
    call MPI_Win_unlock_all(shared)
    call MPI_Win_unlock_all(dynamic)
    call MPI_Win_detach(dynamic, attached)
    call MPI_Win_free(shared)
    call MPI_Win_free(dynamic)
    call MPI_Win_free(allocated)
    call MPI_Win_free_keyval(key)
    call MPI_Group_free(to_left)
    call MPI_Group_free(to_right)
    call MPI_Errhandler_free(handler(1))
    call MPI_Errhandler_free(handler(2))
    call MPI_File_close(file)
    if (rank == 0) call MPI_File_delete('lasting.newer', MPI_INFO_NULL)
  end subroutine newer_end
end module lasting_new

program lasting
  use, intrinsic :: iso_fortran_env, only: output_unit
  use, intrinsic :: iso_c_binding, only: c_int
  use mpi
  use lasting_old, only: older_begin, fences, pieces, older_get, older_end, older_file => file, &
                   older_wins => win_errors, older_files => file_errors
  use lasting_new, only: newer_begin, known, epochs, dynamics, lines, newer_end, allocated, &
                   newer_wins => win_errors, newer_files => file_errors, deleted
  implicit none
  integer :: ierr, rank, steps, step, digest, word, i
  integer(kind=8) :: x
  character(len=16) :: arg
  interface
    integer(c_int) function usleep(us) bind(c)
      import :: c_int
      integer(c_int), value :: us
    end function usleep
  end interface

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  steps = 300
  if (command_argument_count() > 0) then
    call get_command_argument(1, arg)
    read (arg, *) steps
  end if
  call older_begin(rank)
  call newer_begin(rank, older_file)
  digest = 29
  do step = 1, steps
    x = digest + rank
    do i = 1, 100000
      x = iand(x * 1664525_8 + 1013904223_8, 2147483647_8)
    end do
    word = int(iand(x, 65535_8))
    i = usleep(10000_c_int)
    digest = ieor(digest, fences(word))
    digest = iand(digest * 3 + pieces(step, word), 16777215)
    digest = ieor(digest, epochs(step, word)) + known(rank)
    digest = iand(digest * 5 + dynamics(step, word), 16777215)
    digest = iand(digest * 3 + older_get(allocated%MPI_VAL, 1), 16777215)
    digest = iand(digest * 7 + lines(step, word), 16777215)
    if (rank == 0 .and. step == steps / 8) then
      print '(A)', 'under way'
      flush (output_unit)
    end if
  end do
  call newer_end(rank)
  call older_end(rank)
  print '(A,I3,A,I12,5I8)', 'rank', rank, ':', digest, older_wins, older_files, newer_wins, &
    newer_files, deleted
  call MPI_Finalize(ierr)
end program lasting
