/* SPDX-License-Identifier: MIT */
/*
 * t.lock: several operations as one. And fork(): only one thread continues in the child.
 *
 * The GIL, or the tree's critical section, already makes each single operation of a tree atomic. This
 * re-entrant lock keeps other threads out between operations. While one thread holds it, every operation
 * of other threads on that tree waits in lock_wait(). A lock owns its gate. The tree and everybody who
 * has asked for t.lock own the lock.
 *
 * Invariants: owner and depth are written with the GIL held, or in the lock's critical section. depth > 0
 * only while the owner holds the gate. So a waiter that gets the gate knows that nobody holds the lock.
 * After giving the gate back it still knows this, as long as it keeps the GIL. Without the GIL, another
 * thread may take the lock then. So an operation looks again once it has the tree's critical section. If the
 * lock is free then, no other thread returns from taking it before the operation has ended or waits.
 *
 * After a fork() the gate may be closed by a thread that no longer exists: one that had the lock or
 * was only waiting for it. So each lock remembers the process that its state belongs to, and
 * lock_renew() is called before anything else reads that state.
 */
#include "lock.h"
#include "docs.h"

/* ---- fork() --------------------------------------------------------------------------------- */

/* Only one thread exists when this runs. */
static void note_fork(void)
{
	process.number++;
	process.survivor = this_thread();
}

int process_watch(void)
{
	static bool watched;

	return fork_watch(&watched, NULL, NULL, note_fork);
}

/* ---- the lock ------------------------------------------------------------------------------- */

struct lock_object *lock_new(struct core_state *state, PyObject *tree, unsigned long *tree_process)
{
	struct lock_object *lock = PyObject_New(struct lock_object, state->lock_type);

	if (!lock)
		return NULL;
	lock->owner = claim_now();
	lock->depth = 0;
	lock->process = process.number;
	lock->tree = tree;
	lock->tree_process = tree_process;
	lock->gate = PyThread_allocate_lock();
	if (!lock->gate) {
		Py_DECREF(lock);
		PyErr_NoMemory();
		return NULL;
	}
#ifdef SAMARA_NO_GIL
	PyUnstable_EnableTryIncRef(tree);
#endif
	return lock;
}

void lock_forget(struct lock_object *lock)
{
	ALONE_IN(lock, lock->tree = NULL);
}

static void set_depth(struct lock_object *lock, unsigned long depth)
{
	__atomic_store_n(&lock->depth, depth, __ATOMIC_RELEASE);
}

static void set_owner(struct lock_object *lock)
{
	__atomic_store_n(&lock->owner.thread, this_thread(), __ATOMIC_RELAXED);
	lock->owner.process = process.number;
}

/* In the child of a fork(): make a new gate, closed only if the thread that continues holds the
 * lock. The old gate is leaked, since nobody knows what the lost threads were doing with it. 0, or
 * -1 with MemoryError. */
static int lock_renew(struct lock_object *lock)
{
	PyThread_type_lock gate;

	if (__builtin_expect(lock->owner.process == process.number, 1))
		return 0;
	gate = PyThread_allocate_lock();
	if (!gate) {
		PyErr_NoMemory();
		return -1;
	}
	lock->gate = gate;
	if (claim_is_void(&lock->owner))
		set_depth(lock, 0);
	if (lock->depth)
		PyThread_acquire_lock(gate, NOWAIT_LOCK);
	lock->owner.process = process.number;
	return 0;
}

/* Take the gate, without the GIL while it is closed. 0, or -1 with MemoryError or a signal's
 * exception. A signal handler may fork. */
static int take_gate(struct lock_object *lock)
{
	PyLockStatus status = PY_LOCK_FAILURE;
	int error = lock_renew(lock);

	if (!error)
		status = PyThread_acquire_lock_timed(lock->gate, 0, 0);
	while (!error && status != PY_LOCK_ACQUIRED) {
		PyThread_type_lock gate = lock->gate;

		Py_BEGIN_ALLOW_THREADS
		status = PyThread_acquire_lock_timed(gate, -1, 1);
		Py_END_ALLOW_THREADS
		if (status == PY_LOCK_INTR) {
			error = PyErr_CheckSignals();
			if (!error)
				error = lock_renew(lock);
		}
	}
	return error < 0 ? -1 : 0;
}

static int wait_for(struct lock_object *lock)
{
	int status = lock_renew(lock);

	if (status < 0 || !lock_blocks(lock))
		return status;
	/* While this waits, the last other reference may be dropped. */
	Py_INCREF(lock);
	while (lock_blocks(lock)) {
		status = take_gate(lock);
		if (status < 0)
			break;
		PyThread_release_lock(lock->gate);
	}
	Py_DECREF(lock);
	return status;
}

int lock_wait(struct lock_object *lock)
{
	int status;

	ALONE_IN(lock, status = wait_for(lock));
	return status;
}

/* Wait until no operation of another thread is between its tree_enter() and its end. */
static void wait_for_operations(struct lock_object *self)
{
#ifdef SAMARA_NO_GIL
	PyObject *tree = self->tree;

	if (!tree || !PyUnstable_TryIncRef(tree))
		return;
	section_ready(tree, self->tree_process);
	ALONE(tree, (void)0);
	Py_DECREF(tree);
#else
	(void)self;
#endif
}

static int lock_take(struct lock_object *self)
{
	if (lock_renew(self) < 0)
		return -1;
	if (self->depth && !lock_blocks(self)) {
		set_depth(self, self->depth + 1);
		return 0;
	}
	if (take_gate(self) < 0)
		return -1;
	set_owner(self);
	set_depth(self, 1);
	wait_for_operations(self);
	return 0;
}

static PyObject *lock_acquire(struct lock_object *self, PyObject *Py_UNUSED(unused))
{
	int status;

	ALONE_IN(self, status = lock_take(self));
	if (status < 0)
		return NULL;
	Py_RETURN_TRUE;
}

static PyObject *lock_give(struct lock_object *self)
{
	if (lock_renew(self) < 0)
		return NULL;
	if (!self->depth || lock_blocks(self)) {
		PyErr_SetString(PyExc_RuntimeError, "this thread does not hold the lock");
		return NULL;
	}
	set_depth(self, self->depth - 1);
	if (self->depth == 0)
		PyThread_release_lock(self->gate);
	Py_RETURN_NONE;
}

static PyObject *lock_release(struct lock_object *self, PyObject *Py_UNUSED(unused))
{
	PyObject *result;

	ALONE_IN(self, result = lock_give(self));
	return result;
}

static PyObject *lock_exit(struct lock_object *self, PyObject *const *Py_UNUSED(args),
			   Py_ssize_t Py_UNUSED(nargs))
{
	return lock_release(self, NULL);
}

static PyObject *lock_repr(struct lock_object *self)
{
	int status;

	ALONE_IN(self, status = lock_renew(self));
	if (status < 0)
		return NULL;
	return PyUnicode_FromFormat("<samara.TreeLock %s>",
				    __atomic_load_n(&self->depth, __ATOMIC_RELAXED) ? "held"
										    : "free");
}

static void lock_dealloc(struct lock_object *self)
{
	PyTypeObject *type = Py_TYPE(self);

	if (self->gate && self->owner.process == process.number) {
		if (self->depth)
			PyThread_release_lock(self->gate);
		PyThread_free_lock(self->gate);
	}
	PyObject_Free(self);
	Py_DECREF(type);
}

static PyMethodDef lock_methods[] = {
	{"acquire", (PyCFunction)lock_acquire, METH_NOARGS, DOC_TreeLock_acquire},
	{"release", (PyCFunction)lock_release, METH_NOARGS, DOC_TreeLock_release},
	{"__enter__", (PyCFunction)lock_acquire, METH_NOARGS, DOC_TreeLock___enter__},
	{"__exit__", (PyCFunction)(void (*)(void))lock_exit, METH_FASTCALL, DOC_TreeLock___exit__},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot lock_slots[] = {
	{Py_tp_doc, (void *)DOC_TreeLock},
	{Py_tp_methods, lock_methods},
	{Py_tp_repr, lock_repr},
	{Py_tp_dealloc, lock_dealloc},
	{0, NULL},
};

PyType_Spec lock_spec = {
	.name = "samara.TreeLock",
	.basicsize = sizeof(struct lock_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = lock_slots,
};
