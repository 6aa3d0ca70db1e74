/* SPDX-License-Identifier: MIT */
/*
 * t.lock: several operations as one.
 *
 * The interpreter lock already makes each single operation of a tree whole. This re-entrant lock keeps other
 * threads out between operations: while one thread holds it, every operation of others on that tree waits in
 * lock_wait().
 *
 * Invariants: owner and depth are read and written with the interpreter lock held. depth > 0 only while the
 * owner holds the gate, so a waiter that gets the gate knows that nobody holds the lock, and still knows it
 * when it has given the gate back, as long as it keeps the interpreter lock.
 */
#include "binding.h"

struct lock_object *lock_new(struct core_state *state)
{
	struct lock_object *lock = PyObject_New(struct lock_object, state->lock_type);

	if (!lock)
		return NULL;
	lock->owner = 0;
	lock->depth = 0;
	lock->gate = PyThread_allocate_lock();
	if (!lock->gate) {
		Py_DECREF(lock);
		PyErr_NoMemory();
		return NULL;
	}
	return lock;
}

/* Take the gate, without the interpreter lock while it is closed. 0, or -1 with a signal's exception. */
static int take_gate(struct lock_object *lock)
{
	PyLockStatus status = PyThread_acquire_lock_timed(lock->gate, 0, 0);

	while (status != PY_LOCK_ACQUIRED) {
		Py_BEGIN_ALLOW_THREADS
		status = PyThread_acquire_lock_timed(lock->gate, -1, 1);
		Py_END_ALLOW_THREADS
		if (status == PY_LOCK_INTR && PyErr_CheckSignals() < 0)
			return -1;
	}
	return 0;
}

int lock_wait(struct lock_object *lock)
{
	int status = 0;

	if (!lock_blocks(lock))
		return 0;
	/* What is waited for may drop the last other reference. */
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

static int lock_take(struct lock_object *self)
{
	unsigned long thread = PyThread_get_thread_ident();

	if (self->depth && self->owner == thread) {
		self->depth++;
		return 0;
	}
	if (take_gate(self) < 0)
		return -1;
	self->owner = thread;
	self->depth = 1;
	return 0;
}

PyDoc_STRVAR(acquire_doc,
	     "acquire($self)\n--\n\n"
	     "Take the lock; wait while another thread holds it. Always True.\n\n"
	     "The thread that holds it may take it again; it then gives it back as often.\n\n"
	     ">>> t = MapleTree()\n"
	     ">>> t.lock.acquire()\n"
	     "True\n"
	     ">>> t.lock.release()\n");

static PyObject *lock_acquire(struct lock_object *self, PyObject *Py_UNUSED(unused))
{
	if (lock_take(self) < 0)
		return NULL;
	Py_RETURN_TRUE;
}

PyDoc_STRVAR(release_doc, "release($self)\n--\n\n"
			  "Give the lock back. RuntimeError where this thread does not hold it.\n\n"
			  ">>> MapleTree().lock.release()\n"
			  "Traceback (most recent call last):\n"
			  "RuntimeError: this thread does not hold the lock\n");

static PyObject *lock_release(struct lock_object *self, PyObject *Py_UNUSED(unused))
{
	if (!self->depth || self->owner != PyThread_get_thread_ident()) {
		PyErr_SetString(PyExc_RuntimeError, "this thread does not hold the lock");
		return NULL;
	}
	if (--self->depth == 0)
		PyThread_release_lock(self->gate);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(exit_doc, "__exit__($self, exc_type, exc, traceback, /)\n--\n\n"
		       "Give the lock back.");

static PyObject *lock_exit(struct lock_object *self, PyObject *const *Py_UNUSED(args),
			   Py_ssize_t Py_UNUSED(nargs))
{
	return lock_release(self, NULL);
}

static PyObject *lock_repr(struct lock_object *self)
{
	return PyUnicode_FromFormat("<samara.TreeLock %s>", self->depth ? "held" : "free");
}

static void lock_dealloc(struct lock_object *self)
{
	PyTypeObject *type = Py_TYPE(self);

	if (self->gate) {
		if (self->depth)
			PyThread_release_lock(self->gate);
		PyThread_free_lock(self->gate);
	}
	PyObject_Free(self);
	Py_DECREF(type);
}

static PyMethodDef lock_methods[] = {
	{"acquire", (PyCFunction)lock_acquire, METH_NOARGS, acquire_doc},
	{"release", (PyCFunction)lock_release, METH_NOARGS, release_doc},
	{"__enter__", (PyCFunction)lock_acquire, METH_NOARGS,
	 PyDoc_STR("__enter__($self)\n--\n\nTake the lock.")},
	{"__exit__", (PyCFunction)(void (*)(void))lock_exit, METH_FASTCALL, exit_doc},
	{NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
	lock_doc,
	"The lock of one tree: a re-entrant lock and context manager.\n\n"
	"While a thread holds it, every operation of other threads on the tree waits, look-ups too.\n"
	"Iterators run over snapshots and need no lock once they are made.");

static PyType_Slot lock_slots[] = {
	{Py_tp_doc, (void *)lock_doc},
	{Py_tp_methods, lock_methods},
	{Py_tp_repr, lock_repr},
	{Py_tp_dealloc, lock_dealloc},
	{0, NULL},
};

PyType_Spec lock_spec = {
	.name = "samara._core.TreeLock",
	.basicsize = sizeof(struct lock_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = lock_slots,
};
