C     SPDX-License-Identifier: BSD-3-Clause
C     attributes.f - Fortran 77: mpif.h, callbacks, special addresses
C
C     Each step uses what Fortran programs hand to MPI by address or by
C     name: MPI_BOTTOM, MPI_IN_PLACE, MPI_STATUS_IGNORE, functions.
      program attributes
      implicit none
      include 'mpif.h'
      integer ierr, rank, nproc, steps, step, i, key, op, handler
      integer dupcomm, req(2), stats(MPI_STATUS_SIZE, 2)
      integer status(MPI_STATUS_SIZE), digest, right, left, word
      integer abstype, lens(2), types(2), a(4), b(3), val(2), errcls
      integer (kind=MPI_ADDRESS_KIND) disps(2), extra, attr, got
      integer copied, deleted, handled
      logical flag
      character*16 arg
      common /counts/ copied, deleted, handled
      external copyfn, delfn, errfn, foldfn, busy
      integer busy

      call MPI_INIT(ierr)
      call MPI_COMM_RANK(MPI_COMM_WORLD, rank, ierr)
      call MPI_COMM_SIZE(MPI_COMM_WORLD, nproc, ierr)
      steps = 300
      if (iargc() .gt. 0) then
        call getarg(1, arg)
        read (arg, *) steps
      end if
      right = mod(rank + 1, nproc)
      left = mod(rank + nproc - 1, nproc)
      extra = 7
      call MPI_COMM_CREATE_KEYVAL(copyfn, delfn, key, extra, ierr)
      attr = 1000 + rank
      call MPI_COMM_SET_ATTR(MPI_COMM_WORLD, key, attr, ierr)
      call MPI_OP_CREATE(foldfn, .false., op, ierr)
      call MPI_COMM_CREATE_ERRHANDLER(errfn, handler, ierr)

C     A type of absolute addresses, for MPI_BOTTOM.
      call MPI_GET_ADDRESS(a, disps(1), ierr)
      call MPI_GET_ADDRESS(b, disps(2), ierr)
      lens(1) = 4
      lens(2) = 3
      types(1) = MPI_INTEGER
      types(2) = MPI_INTEGER
      call MPI_TYPE_CREATE_STRUCT(2, lens, disps, types, abstype, ierr)
      call MPI_TYPE_COMMIT(abstype, ierr)

      digest = 17
      do step = 1, steps
        word = busy(digest + rank)
        do i = 1, 4
          a(i) = word + i
        end do
        do i = 1, 3
          b(i) = word - i
        end do
C       From MPI_BOTTOM, to a plain buffer of the next rank.
        call ring(abstype, right, left, val, status)
        digest = ieor(digest, val(1) + val(2))
        digest = digest + status(MPI_SOURCE) + status(MPI_TAG)

        val(1) = word
        val(2) = rank
        call MPI_ALLREDUCE(MPI_IN_PLACE, val, 2, MPI_INTEGER, op,
     &                     MPI_COMM_WORLD, ierr)
        digest = ieor(digest * 31, val(1)) + val(2)

        call MPI_IRECV(b, 3, MPI_INTEGER, left, 5, MPI_COMM_WORLD,
     &                 req(1), ierr)
        call MPI_ISEND(a, 3, MPI_INTEGER, right, 5, MPI_COMM_WORLD,
     &                 req(2), ierr)
        call MPI_WAITALL(2, req, stats, ierr)
        digest = digest + b(2) + stats(MPI_TAG, 1)
        call MPI_SENDRECV(digest, 1, MPI_INTEGER, right, 6, word, 1,
     &                    MPI_INTEGER, left, 6, MPI_COMM_WORLD,
     &                    MPI_STATUS_IGNORE, ierr)
        digest = ieor(digest, word)

        call MPI_COMM_DUP(MPI_COMM_WORLD, dupcomm, ierr)
        call MPI_COMM_GET_ATTR(dupcomm, key, got, flag, ierr)
        if (.not. flag .or. got .ne. attr + extra) digest = 0
        call MPI_COMM_SET_ERRHANDLER(dupcomm, handler, ierr)
        call MPI_SEND(word, 1, MPI_INTEGER, 1000, 0, dupcomm, ierr)
        call MPI_ERROR_CLASS(ierr, errcls, i)
        if (errcls .eq. MPI_ERR_RANK) digest = digest + 1
        call MPI_COMM_FREE(dupcomm, ierr)
        call MPI_BCAST(digest, 1, MPI_INTEGER, mod(step, nproc),
     &                 MPI_COMM_WORLD, ierr)
      end do
      call MPI_TYPE_FREE(abstype, ierr)
      call MPI_OP_FREE(op, ierr)
      call MPI_ERRHANDLER_FREE(handler, ierr)
      call MPI_COMM_DELETE_ATTR(MPI_COMM_WORLD, key, ierr)
      call MPI_COMM_FREE_KEYVAL(key, ierr)
      write (*, '(A, I3, A, I12, 3I8)') 'rank', rank, ':', digest,
     &  copied, deleted, handled
      call MPI_FINALIZE(ierr)
      end

C     One message from MPI_BOTTOM to the next rank; sums of both parts.
      subroutine ring(abstype, right, left, val, status)
      implicit none
      include 'mpif.h'
      integer abstype, right, left, val(2), status(MPI_STATUS_SIZE)
      integer buf(7), req, ierr
      call MPI_IRECV(buf, 7, MPI_INTEGER, left, 4, MPI_COMM_WORLD,
     &               req, ierr)
      call MPI_SEND(MPI_BOTTOM, 1, abstype, right, 4, MPI_COMM_WORLD,
     &              ierr)
      call MPI_WAIT(req, status, ierr)
      val(1) = buf(1) + buf(2) + buf(3) + buf(4)
      val(2) = buf(5) + buf(6) + buf(7)
      end

      integer function busy(seed)
      implicit none
      integer seed, i
      integer*8 x
      x = seed
      do i = 1, 1000000
        x = iand(x * 1664525_8 + 1013904223_8, 2147483647_8)
      end do
      busy = int(iand(x, 65535_8))
      end

      subroutine foldfn(invec, inoutvec, len, datatype)
      implicit none
      integer len, invec(len), inoutvec(len), datatype, i
      do i = 1, len
        inoutvec(i) = iand(invec(i) * 31 + inoutvec(i), 1048575)
      end do
      end

      subroutine copyfn(comm, key, extra, valin, valout, flag, ierr)
      implicit none
      include 'mpif.h'
      integer comm, key, ierr, copied, deleted, handled
      integer (kind=MPI_ADDRESS_KIND) extra, valin, valout
      logical flag
      common /counts/ copied, deleted, handled
      copied = copied + 1
      valout = valin + extra
      flag = .true.
      ierr = MPI_SUCCESS
      end

      subroutine delfn(comm, key, val, extra, ierr)
      implicit none
      include 'mpif.h'
      integer comm, key, ierr, copied, deleted, handled
      integer (kind=MPI_ADDRESS_KIND) extra, val
      common /counts/ copied, deleted, handled
      deleted = deleted + 1
      ierr = MPI_SUCCESS
      end

      subroutine errfn(comm, code)
      implicit none
      integer comm, code, copied, deleted, handled
      common /counts/ copied, deleted, handled
      handled = handled + 1
      end

      block data
      integer copied, deleted, handled
      common /counts/ copied, deleted, handled
      data copied, deleted, handled / 0, 0, 0 /
      end
