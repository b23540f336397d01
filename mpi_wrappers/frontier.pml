/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.pml - FRONTIER and DRAIN, checked by Spin (see frontier.md) */

/*
 * Three ranks run every natively valid program of EVENTS events: collectives on
 * three overlapping communicators, barriers, non-blocking barriers that are
 * waited for at the end, and sends of three kinds with their receives.  At any moment one epoch is requested.  Checked are: no
 * deadlock (the epoch always comes to stand, or the program ends before it);
 * where it stands, no collective is cut (I4), and after DRAIN all that was sent
 * was received or lies in the receiver's drain queue (I3).
 *
 * Each rule can be left out, and then a check must fail:
 *   -DNONEED       blocked must-go ranks ask nobody for help
 *   -DNOWITHDRAW   a need is not withdrawn when the rank may hold
 *   -DNODRAIN      a holding rank does not receive what a sender asks it to
 *   -DNOFULL       a sender that was told FULL does not ask the peer to go on
 *   -DNOTAKEBACK   a synchronous send is posted behind messages that were asked
 *                  for
 *   -DNORAISE      a target that is overrun is told to nobody
 *   -DNORERAISE    a rank that must go on stays in a barrier it stepped out of
 *   -DBADSTEP      a barrier is stepped out of though somebody may have left it
 *   -DBEHIND       the same, though another collective was entered behind it
 */

#ifndef EVENTS
#define EVENTS 3
#endif
#define N 3
#define NC 3
#define NONE 255

/* who is in communicator c: all, 0 and 1, 1 and 2 */
#define IN(c, r) ((c) == 0 || ((c) == 1 && (r) != 2) || ((c) == 2 && (r) != 0))
#define FIRST(c) ((c) == 2 -> 1 : 0)

/* operations of a rank's program */
#define OP_END 0
#define OP_COLL 1     /* x: communicator; all wait for all */
#define OP_BARRIER 2  /* the same, and it may be stepped out of */
#define OP_BCAST 3    /* the first member is the root and leaves at once */
#define OP_EAGER 4    /* send, x: to */
#define OP_LARGE 5    /* rendezvous: completes when received or drained */
#define OP_SYNC 6     /* synchronous: completes when received only */
#define OP_RECV 7     /* x: from */
#define OP_IBARRIER 8 /* x: communicator; entered, and on */
#define OP_WAIT 9     /* x: communicator; for the non-blocking barriers */

#define OPS (EVENTS + 3) /* two rows of waits at most, and the end */
byte op[N * OPS];
byte arg[N * OPS];
#define OP(r) op[(r) * OPS + pc[r]]
#define X(r) arg[(r) * OPS + pc[r]]

byte pc[N];
bit inside[N];     /* in the collective, or in the send, at pc */
bit published[N];
bit told[N];       /* knows its targets */
byte count[N * NC];
byte steps[N * NC];  /* the last entries that are barriers not known to be over */
byte last[N * NC];   /* the number of the last non-blocking barrier */
byte target[N * NC];
byte owed[N];      /* bit r: rank r needs us */
byte need[N] = NONE; /* whom this rank has asked */

byte wire[N * N];  /* [to * N + from]: sent, not received */
byte queue[N * N]; /* drained, not received */
byte taken[N * N]; /* messages received by the program so far */
byte posted[N * N]; /* messages sent so far */
bit asked[N * N];     /* [to * N + from]: may be taken while holding */
bit nospace[N];       /* the rank's large send was told that there is no room */
byte ticket[N];    /* which message of posted the rank's send waits for */

mtype = { COUNT, TARGET, RAISE, NEED, CANCEL };
/* to the coordinator and from it: type, rank, communicator or peer, value */
chan up = [12] of { mtype, byte, byte, byte };
chan down[N] = [8] of { mtype, byte, byte };

bit standing; /* the epoch stands: all hold, no control message is under way */

inline emit(r, o, a)
{
	op[r * OPS + n_ops[r]] = o;
	arg[r * OPS + n_ops[r]] = a;
	n_ops[r]++;
}

/* Below the target of some communicator, or owing. */
#define BELOW(r) ((IN(0, r) && count[r * NC] < target[r * NC]) || \
		  (IN(1, r) && count[r * NC + 1] < target[r * NC + 1]) || \
		  (IN(2, r) && count[r * NC + 2] < target[r * NC + 2]))
#define MUSTGO(r) (published[r] && told[r] && (BELOW(r) || owed[r]))
#define MAYHOLD(r) (published[r] && told[r] && !BELOW(r) && !owed[r])
/* A rank inside a collective of the real library is not stopped; one in a send
 * or a stepped-out barrier is. */
#define STEPPED(r) (inside[r] && OP(r) == OP_BARRIER && \
		    count[r * NC + X(r)] > target[r * NC + X(r)])
#define BUSY(r) (inside[r] && OP(r) <= OP_BCAST && !STEPPED(r))
#define HELD(r) (MAYHOLD(r) && !BUSY(r))
#define QUIETCTL (empty(up) && empty(down[0]) && empty(down[1]) && empty(down[2]))

#define ALLIN(c, k) ((!IN(c, 0) || count[c] >= (k)) && \
		     (!IN(c, 1) || count[NC + c] >= (k)) && \
		     (!IN(c, 2) || count[2 * NC + c] >= (k)))

/* Is there a message of s for r, and has s asked r to take it?  Once asked, it
 * stands until it is taken back. */
#define ASKED(r, s) (wire[(r) * N + (s)] && asked[(r) * N + (s)] && !nospace[s])
/* What is taken while holding is no synchronous message: it would be complete
 * before it is received. */
#define TAKE(r, s)                                                   \
	wire[(r) * N + (s)]--;                                       \
	queue[(r) * N + (s)]++;                                      \
	assert(!(inside[s] && OP(s) == OP_SYNC && X(s) == (r) &&     \
		 taken[(r) * N + (s)] + queue[(r) * N + (s)] >= ticket[s]))

inline done(r)
{
	inside[r] = 0;
	pc[r]++;
}

/* The message has come or is not needed: take the need back. */
inline withdraw(r)
{
	if
	:: need[r] != NONE -> up!CANCEL, r, need[r], 0; need[r] = NONE
	:: else
	fi
}

proctype Rank(byte r)
{
	byte c, k;

	do
	/* PUBLISH: the handler runs wherever the rank is. */
	:: atomic { !published[r] ->
		published[r] = 1;
		c = 0;
		do
		:: c < NC ->
			if
			:: IN(c, r) ->
				/* value: the count, and how many of the last
				 * are barriers that may be stepped out of */
				up!COUNT, r, c, count[r * NC + c] * 4 +
					steps[r * NC + c]
			:: else
			fi;
			c++
		:: else -> break
		od;
		c = 0 }

	/* The agent writes the rank's page. */
	:: atomic { down[r]?TARGET(c, k) ->
		target[r * NC + c] = (target[r * NC + c] < k -> k : target[r * NC + c]);
		told[r] = (c == (r == 0 -> 1 : 2) -> 1 : told[r]); c = 0; k = 0 }
	:: atomic { down[r]?RAISE(c, k) ->
		target[r * NC + c] = (target[r * NC + c] < k -> k : target[r * NC + c]);
		c = 0; k = 0 }
	:: atomic { down[r]?NEED(c, _) -> owed[r] = owed[r] | (1 << c); c = 0 }
	:: atomic { down[r]?CANCEL(c, _) -> owed[r] = owed[r] & ~(1 << c); c = 0 }

#ifndef NOWITHDRAW
	:: atomic { need[r] != NONE && published[r] && told[r] && !MUSTGO(r) ->
		withdraw(r) }
#endif
#ifndef NODRAIN
	/* While holding: what a sender that cannot end without it has asked
	 * for goes from the wire into the queue. */
	:: atomic { HELD(r) && ASKED(r, 0) -> TAKE(r, 0) }
	:: atomic { HELD(r) && ASKED(r, 1) -> TAKE(r, 1) }
	:: atomic { HELD(r) && ASKED(r, 2) -> TAKE(r, 2) }
	/* Or, at any time, there is no room for it. */
	:: atomic { HELD(r) && ASKED(r, 0) -> nospace[0] = 1 }
	:: atomic { HELD(r) && ASKED(r, 1) -> nospace[1] = 1 }
	:: atomic { HELD(r) && ASKED(r, 2) -> nospace[2] = 1 }
#endif

	/* Collectives. */
	:: atomic { ((OP(r) >= OP_COLL && OP(r) <= OP_BCAST) ||
		     OP(r) == OP_IBARRIER) && !inside[r] &&
		    (!published[r] || told[r]) && !HELD(r) ->
		c = X(r);
		count[r * NC + c]++;
		if
		:: OP(r) == OP_BARRIER || OP(r) == OP_IBARRIER ->
			steps[r * NC + c]++
		:: else ->
#ifndef BEHIND
			steps[r * NC + c] = 0
#endif
		fi;
		if
		:: published[r] && count[r * NC + c] > target[r * NC + c] ->
			target[r * NC + c] = count[r * NC + c];
#ifndef NORAISE
			up!RAISE, r, c, count[r * NC + c]
#endif
		:: else
		fi;
		if
		:: OP(r) == OP_IBARRIER ->
			last[r * NC + c] = count[r * NC + c]; pc[r]++
		:: else -> inside[r] = 1
		fi;
		c = 0 }
#ifndef NORERAISE
	/* Stepped out, but it must go on: then the barrier must end first. */
	:: atomic { STEPPED(r) && MUSTGO(r) ->
		target[r * NC + X(r)] = count[r * NC + X(r)];
		up!RAISE, r, X(r), count[r * NC + X(r)] }
	:: atomic { OP(r) == OP_WAIT && MUSTGO(r) &&
		    last[r * NC + X(r)] > target[r * NC + X(r)] ->
		target[r * NC + X(r)] = last[r * NC + X(r)];
		up!RAISE, r, X(r), last[r * NC + X(r)] }
#endif
	:: atomic { inside[r] && (OP(r) == OP_COLL || OP(r) == OP_BARRIER) &&
		    ALLIN(X(r), count[r * NC + X(r)]) && !HELD(r) ->
		steps[r * NC + X(r)] = 0; done(r) }
	:: atomic { OP(r) == OP_WAIT && !HELD(r) &&
		    ALLIN(X(r), last[r * NC + X(r)]) ->
		c = count[r * NC + X(r)] - last[r * NC + X(r)];
		steps[r * NC + X(r)] = (steps[r * NC + X(r)] < c ->
					steps[r * NC + X(r)] : c);
		c = 0; pc[r]++ }
	:: atomic { inside[r] && OP(r) == OP_BCAST &&
		    (FIRST(X(r)) == r ||
		     count[FIRST(X(r)) * NC + X(r)] >= count[r * NC + X(r)]) ->
		done(r) }

	/* Sends. */
	:: atomic { OP(r) == OP_EAGER && !HELD(r) ->
		wire[X(r) * N + r]++; posted[X(r) * N + r]++; done(r) }
	:: atomic { (OP(r) == OP_LARGE || OP(r) == OP_SYNC) && !inside[r] &&
		    !HELD(r) ->
#ifndef NOTAKEBACK
		/* It goes on when the peer has said so. */
		asked[X(r) * N + r] = (OP(r) == OP_SYNC -> 0 :
				       asked[X(r) * N + r]);
#endif
		wire[X(r) * N + r]++; posted[X(r) * N + r]++;
		ticket[r] = posted[X(r) * N + r]; inside[r] = 1 }
	:: atomic { OP(r) == OP_LARGE && inside[r] && published[r] &&
		    !asked[X(r) * N + r] ->
		asked[X(r) * N + r] = 1 }
	:: atomic { OP(r) == OP_LARGE && inside[r] && !HELD(r) &&
		    taken[X(r) * N + r] + queue[X(r) * N + r] >= ticket[r] ->
		nospace[r] = 0; withdraw(r); done(r) }
	:: atomic { OP(r) == OP_SYNC && inside[r] && !HELD(r) &&
		    taken[X(r) * N + r] >= ticket[r] ->
		withdraw(r); done(r) }

	/* Receives: the drain queue first. */
	:: atomic { OP(r) == OP_RECV && !HELD(r) && queue[r * N + X(r)] ->
		queue[r * N + X(r)]--; taken[r * N + X(r)]++;
		withdraw(r); done(r) }
	:: atomic { OP(r) == OP_RECV && !HELD(r) && !queue[r * N + X(r)] &&
		    wire[r * N + X(r)] ->
		wire[r * N + X(r)]--; taken[r * N + X(r)]++;
		withdraw(r); done(r) }

#ifndef NONEED
	/* NEED: must go, and only the peer can help. */
	:: atomic { MUSTGO(r) && need[r] == NONE &&
		    ((OP(r) == OP_RECV && !queue[r * N + X(r)] && !wire[r * N + X(r)]) ||
#ifndef NOFULL
		     (OP(r) == OP_LARGE && inside[r] && nospace[r] &&
		      taken[X(r) * N + r] + queue[X(r) * N + r] < ticket[r]) ||
#endif
		     (OP(r) == OP_SYNC && inside[r] && taken[X(r) * N + r] < ticket[r])) ->
		need[r] = X(r); up!NEED, r, X(r), 0 }
#endif
	:: standing -> break
	od
}

/* Nobody can have left a barrier that somebody has not entered. */
#ifdef BADSTEP
#define TARGET_OF(c) (lowest[c])
#else
#define TARGET_OF(c) (lowest[c] > least[c] -> lowest[c] : least[c])
#endif

/* Targets from the counts of all; routing; and the end. */
proctype Coordinator()
{
	byte r, c, v, counts, lowest[NC], least[NC], i;

	d_step {
		least[0] = NONE; least[1] = NONE; least[2] = NONE
	}
	do
	:: atomic { up?COUNT(r, c, v) ->
		counts++;
		i = v / 4 - v % 4; /* the last that must be finished */
		lowest[c] = (i > lowest[c] -> i : lowest[c]);
		least[c] = (v / 4 < least[c] -> v / 4 : least[c]);
		i = 0;
		if
		:: counts == 7 -> /* all ranks, all their communicators */
			c = 0;
			do
			:: c < NC ->
				v = TARGET_OF(c);
				i = 0;
				do
				:: i < N ->
					if
					:: IN(c, i) -> down[i]!TARGET, c, v
					:: else
					fi;
					i++
				:: else -> break
				od;
				c++
			:: else -> break
			od
		:: else
		fi;
		r = 0; c = 0; v = 0; i = 0 }
	:: atomic { up?RAISE(r, c, v) ->
		i = 0;
		do
		:: i < N ->
			if
			:: IN(c, i) && i != r -> down[i]!RAISE, c, v
			:: else
			fi;
			i++
		:: else -> break
		od;
		r = 0; c = 0; v = 0; i = 0 }
	:: atomic { up?NEED(r, c, _) -> down[c]!NEED, r, 0; r = 0; c = 0 }
	:: atomic { up?CANCEL(r, c, _) -> down[c]!CANCEL, r, 0; r = 0; c = 0 }
	:: atomic { QUIETCTL && HELD(0) && HELD(1) && HELD(2) ->
		standing = 1;
		/* I4: all members have entered the same collectives, but for a
		 * barrier that is stepped out of. */
#define OVER(r, c) (count[(r) * NC + (c)] > target[(r) * NC + (c)] -> \
		    count[(r) * NC + (c)] - target[(r) * NC + (c)] : 0)
#define AT(r, c) (count[(r) * NC + (c)] - \
		  (steps[(r) * NC + (c)] >= OVER(r, c) -> OVER(r, c) : 0))
		assert(AT(0, 0) == AT(1, 0) && AT(1, 0) == AT(2, 0));
		assert(AT(0, 1) == AT(1, 1));
		assert(AT(1, 2) == AT(2, 2));
		/* DRAIN: the rest of the wire, then I3. */
		r = 0;
		do
		:: r < N * N ->
			queue[r] = queue[r] + wire[r];
			wire[r] = 0;
			assert(posted[r] == taken[r] + queue[r]);
			r++
		:: else -> break
		od;
		break }
	od
}

/* Any program of EVENTS events that is valid natively: events are chosen in one
 * global order, so running them in it never blocks. */
init {
	byte n, c, d;
	byte n_ops[N];
	bit waits[NC];

	do
	:: n < EVENTS ->
		atomic {
		if
		:: c = 0 :: c = 1 :: c = 2
		fi;
		if
		:: d = OP_COLL :: d = OP_BARRIER :: d = OP_BCAST
		:: d = OP_IBARRIER
		:: d = OP_EAGER :: d = OP_LARGE :: d = OP_SYNC
		fi;
		if
		:: d <= OP_BCAST || d == OP_IBARRIER ->
			waits[c] = waits[c] || d == OP_IBARRIER;
			if :: IN(c, 0) -> emit(0, d, c) :: else fi;
			if :: IN(c, 1) -> emit(1, d, c) :: else fi;
			if :: IN(c, 2) -> emit(2, d, c) :: else fi
		:: else ->
			if
			:: emit(c, d, (c + 1) % N); emit((c + 1) % N, OP_RECV, c)
			:: emit(c, d, (c + 2) % N); emit((c + 2) % N, OP_RECV, c)
			fi
		fi;
		n++;
		c = 0; d = 0 }
	:: else -> break
	od;
	atomic {
	do
	:: c < NC ->
		if
		:: waits[c] ->
			if :: IN(c, 0) -> emit(0, OP_WAIT, c) :: else fi;
			if :: IN(c, 1) -> emit(1, OP_WAIT, c) :: else fi;
			if :: IN(c, 2) -> emit(2, OP_WAIT, c) :: else fi
		:: else
		fi;
		c++
	:: else -> break
	od;
	c = 0; n = 0 }
	atomic { run Rank(0); run Rank(1); run Rank(2); run Coordinator() }
}
