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
#include "docs.h"

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

static PyObject *lock_acquire(struct lock_object *self, PyObject *Py_UNUSED(unused))
{
	if (lock_take(self) < 0)
		return NULL;
	Py_RETURN_TRUE;
}

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
	.name = "samara._core.TreeLock",
	.basicsize = sizeof(struct lock_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = lock_slots,
};
