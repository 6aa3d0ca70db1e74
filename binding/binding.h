/* SPDX-License-Identifier: MIT */
/*
 * samara._core, the CPython extension: what its files share.
 *
 * Ownership
 *   tree      owns one maple tree, a reference to its module (so the state outlives it), and its lock object.
 *             A value in the tree is one strong reference, held by the leaf that the value lies in, however
 *             many trees share that leaf. A packed tree (one with a dtype) holds numbers and no references.
 *   iterator  owns a fork of the tree it runs over, until it is exhausted.
 *   cursor    owns a reference to its tree; its ma_state borrows the maple tree inside.
 *   family    owns nothing: it knows the trees and iterators that may share nodes, and visits the values in
 *             shared leaves for the garbage collector (family.c).
 *
 * Rules that every function here keeps
 *   - All arguments are converted before the tree is touched, since __index__ can run anything.
 *   - tree_enter() comes between the two: it waits while another thread holds the tree's lock, and may
 *     drop the interpreter lock.
 *   - A word read from the tree is a borrowed reference: it is turned into an owned one before anything
 *     else happens, since an allocation can start a garbage collection and that can run anything.
 *   - Whatever runs anything can give the tree another dtype, through __init__(): a word made before is
 *     none of this tree then. So a value is converted by tree_enter_value(), which looks again.
 *   - A core call that writes can run anything at its end; what was read before is stale then.
 */
#ifndef SAMARA_BINDING_H
#define SAMARA_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pythread.h>
#include <structmember.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "maple_tree.h"

#define MAX_INDEX UINT64_MAX

/* ---- module ----------------------------------------------------------------------------------- */

struct core_state {
	PyObject *module; /* borrowed: the state lives in it */
	struct maple_pool *pool;
	PyTypeObject *tree_type;
	PyTypeObject *cursor_type;
	PyTypeObject *iterator_type;
	PyTypeObject *family_type;
	PyTypeObject *lock_type;
	PyTypeObject *policy_type;
	PyTypeObject *entry_type; /* samara._entry.Entry, a tuple of 3 */
	PyTypeObject *gap_type;   /* samara._entry.Gap, a tuple of 2 */
	PyObject *occupied_error;
	PyObject *space_error;
	PyObject *two_to_64;
	PyObject *newobj;     /* copyreg.__newobj__ */
	PyObject *base_state; /* object.__getstate__ */
};

extern struct PyModuleDef core_module;

/* The exception for a negative status of the core; NULL always. */
PyObject *raise_status(int status);

/* ---- value.c: a value and the word that stands for it ------------------------------------------- */

enum dtype {
	DTYPE_OBJECT, /* the address of an object, of which the leaf owns a reference */
	DTYPE_U8,     /* packed: an unsigned integer, */
	DTYPE_I8,     /* a signed one, */
	DTYPE_F8,     /* the bits of a double */
};

/* None or a name. 0, or -1 with ValueError. NULL: None. */
int dtype_parse(PyObject *object, enum dtype *dtype);
/* "u8" ...; NULL for DTYPE_OBJECT. */
const char *dtype_name(enum dtype dtype);
/* Its name as an object, or None. */
PyObject *dtype_object(enum dtype dtype);
/* What the core does with such words. */
const struct mt_value_ops *dtype_ops(enum dtype dtype);

int number_to_word(enum dtype dtype, PyObject *value, uint64_t *word);
PyObject *word_to_number(enum dtype dtype, uint64_t word);

static inline uint64_t word_of(PyObject *object)
{
	return (uint64_t)(uintptr_t)object;
}

static inline PyObject *object_of(uint64_t word)
{
	return (PyObject *)(uintptr_t)word;
}

static inline uint64_t word_of_double(double number)
{
	uint64_t word;

	memcpy(&word, &number, sizeof(word));
	return word;
}

static inline double double_of(uint64_t word)
{
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

/* 0; or -1 with TypeError, ValueError or what the value's own methods raised. An object's word is borrowed. */
static inline int value_to_word(enum dtype dtype, PyObject *value, uint64_t *word)
{
	if (__builtin_expect(dtype != DTYPE_OBJECT, 0))
		return number_to_word(dtype, value, word);
	*word = word_of(value);
	return 0;
}

/* A reference of the caller's own; NULL with MemoryError. Collects no garbage: an int or a float is no container. */
static inline PyObject *word_to_value(enum dtype dtype, uint64_t word)
{
	if (__builtin_expect(dtype != DTYPE_OBJECT, 0))
		return word_to_number(dtype, word);
	return Py_NewRef(object_of(word));
}

/* ---- family.c: garbage collection over shared nodes --------------------------------------------- */

/* What may share nodes: embedded in a tree and in an iterator. */
struct member {
	struct member *next;
	struct member *previous;
	const struct maple_tree *mt;
	struct family *family; /* owned; NULL: none, all nodes are this member's own */
};

struct family {
	PyObject_HEAD struct core_state *state; /* the module is owned through it */
	struct member *members;                 /* not owned */
};

struct family *family_new(struct core_state *state);
void family_join(struct family *family, struct member *member, const struct maple_tree *mt);
void family_leave(struct member *member);
/* Visit what a member alone reaches, and its family. */
int member_traverse(const struct member *member, const struct maple_tree *mt, visitproc visit,
		    void *arg);
extern PyType_Spec family_spec;

/* ---- lock.c ----------------------------------------------------------------------------------- */

/* This process: how many forks it is away from the first one that imported the module, and the thread that came
 * along from its parent. Written in the child of a fork alone, before anything else runs there. */
struct process {
	unsigned long number;
	unsigned long survivor;
};

extern struct process process;
/* Once for all interpreters. 0, or -1 with MemoryError. */
int process_watch(void);

/* Who has something: a thread of a process. */
struct claim {
	unsigned long thread;
	unsigned long process;
};

static inline struct claim claim_now(void)
{
	return (struct claim){PyThread_get_thread_ident(), process.number};
}

/* Whether the thread stayed behind when the process forked: it will never give back what it has. */
static inline bool claim_is_void(const struct claim *claim)
{
	return claim->process != process.number && claim->thread != process.survivor;
}

struct lock_object {
	PyObject_HEAD PyThread_type_lock
		gate;       /* held while depth > 0, and for a moment by each waiter */
	struct claim owner; /* its thread means something where depth > 0 */
	unsigned long depth;
};

struct lock_object *lock_new(struct core_state *state);
/* Wait until no other thread holds the lock. 0, or -1 with the exception of a signal. */
int lock_wait(struct lock_object *lock);
extern PyType_Spec lock_spec;

struct policy;

/* ---- tree ------------------------------------------------------------------------------------- */

struct tree_object {
	PyObject_HEAD struct maple_tree mt;
	enum dtype dtype;
	struct policy *policy;    /* owned; NULL: none. Once there is one it stays */
	struct core_state *state; /* NULL until the maple tree is initialised */
	struct lock_object *lock; /* NULL until t.lock is first asked for */
	struct claim writer; /* with a policy: who was the last to enter while it was not busy */
	struct member member;
	PyObject *weak_references;
};

static inline bool tree_tracks_gaps(const struct tree_object *tree)
{
	return (mt_attr(&tree->mt) & MT_FLAGS_ALLOC_RANGE) != 0;
}

static inline bool lock_blocks(const struct lock_object *lock)
{
	return lock && lock->depth && lock->owner.thread != PyThread_get_thread_ident();
}

int tree_enter_guarded(struct tree_object *tree);

/* Every operation passes here after its arguments are converted. 0, or -1 with an exception. */
static inline int tree_enter(struct tree_object *tree)
{
	if (__builtin_expect(!tree->lock && !tree->policy, 1))
		return 0;
	return tree_enter_guarded(tree);
}

/* The same with a value to be stored, which becomes the tree's kind of word. */
static inline int tree_enter_value(struct tree_object *tree, PyObject *value, uint64_t *word)
{
	enum dtype dtype;

	do {
		dtype = tree->dtype;
		if (value_to_word(dtype, value, word) < 0 || tree_enter(tree) < 0)
			return -1;
	} while (__builtin_expect(tree->dtype != dtype, 0));
	return 0;
}

static inline PyObject *tree_box(const struct tree_object *tree, uint64_t word)
{
	return word_to_value(tree->dtype, word);
}

/* tree.c */
extern PyType_Spec tree_spec;
uint32_t tree_flags(bool track_gaps);
/* An instance of `type` whose maple tree the caller initialises, then tree_adopt(). */
struct tree_object *tree_alloc(PyTypeObject *type);
void tree_adopt(struct tree_object *tree, struct core_state *state);
/* As tree_enter(), for what comes to share nodes: a tree of objects is in a family then. */
int tree_enter_family(struct tree_object *tree);
/* Give the tree new contents: `mt` is moved into it. `source` is the family it shares nodes with, or NULL. Runs
 * what the old values' ends run. */
void tree_replace(struct tree_object *self, struct maple_tree *mt, enum dtype dtype,
		  struct family *source);
/* 0; or -1 with RuntimeError where the tree is asking its policy, and must not lose its contents. */
int tree_require_idle(const struct tree_object *tree);
PyObject *tree_iter(struct tree_object *self);

/* policy.c */
/* The policy that an argument of __init__() means for a tree: an owned reference in *out, NULL for None. 0, or -1
 * with an exception. */
int policy_parse(const struct tree_object *tree, PyObject *given, enum dtype dtype,
		 struct policy **out);
/* Make it that of a tree that has none: another reference. */
void policy_adopt(struct tree_object *tree, struct policy *policy);
/* The same for a tree that will get `mt`, made with that policy: it may have got one meanwhile, and `mt` then comes to
 * use that. 0, or -1 with ValueError where it is another. */
int policy_settle(struct tree_object *tree, struct policy *policy, struct maple_tree *mt);
/* What the core does with the words of a tree that has this policy, or none. */
const struct mt_value_ops *policy_ops(const struct policy *policy, enum dtype dtype);
/* What the user gave, or None; borrowed. */
PyObject *policy_given(const struct policy *policy);
extern PyType_Spec policy_spec;

/* entry.c: results. Each takes over the reference to `value`, also where it fails. NULL: an exception is set. */
PyObject *entry_new(const struct core_state *state, uint64_t first, uint64_t last, PyObject *value);
PyObject *gap_new(const struct core_state *state, uint64_t first, uint64_t last);
/* For a tuple made without tuple's own constructor, or filled anew: from 3.14 on it remembers its hash. */
static inline void tuple_forget_hash(PyObject *tuple)
{
#if PY_VERSION_HEX >= 0x030E0000
	((PyTupleObject *)tuple)->ob_hash = -1;
#else
	(void)tuple;
#endif
}
/* An Entry of what the core just found, the word still borrowed. */
static inline PyObject *entry_box(const struct tree_object *tree, const struct mt_entry *entry)
{
	return entry_new(tree->state, entry->first, entry->last, tree_box(tree, entry->word));
}
void raise_occupied(const struct core_state *state, uint64_t first, uint64_t last, PyObject *entry);

/* tree_build.c: fill an empty maple tree from an iterable of triples. 0 or -1. */
int build_from_iterable(struct maple_tree *mt, enum dtype dtype, PyObject *iterable);
/* Put "item N: " (or another noun) before the message of a TypeError or ValueError. */
void locate_error(const char *noun, Py_ssize_t position);

/* buffer.c: one argument of an array operation, a buffer of numbers or a sequence. */
enum column_kind { COLUMN_OBJECTS, COLUMN_UNSIGNED, COLUMN_SIGNED, COLUMN_FLOATS };
struct column {
	const char *name; /* for messages */
	enum column_kind kind;
	size_t count;
	Py_buffer view;   /* not of COLUMN_OBJECTS */
	size_t item;      /* bytes, and what is between two */
	Py_ssize_t step;  /* begin of one to begin of the next, may be negative */
	PyObject *items;  /* COLUMN_OBJECTS: a tuple, owned */
	uint64_t *made;   /* words, owned, where the buffer is not used as it is */
	uint8_t *outside; /* keys of COLUMN_OBJECTS: 1 where one is outside 0 ... MAX; owned */
};

/* 0 or -1. Afterwards column_close(), also where it fails. With `objects` a sequence, whatever it is. */
int column_open(struct column *column, PyObject *object, const char *name, bool objects);
void column_close(struct column *column);
/* The column as words: its own memory or the buffer's, until column_close(). NULL with an exception. */
const uint64_t *column_indices(struct column *column);
const uint64_t *column_values(struct column *column, enum dtype dtype);
/* Make ready for the look-ups of keys: any integers. 0 or -1. */
int column_keys(struct column *column);
/* `count` keys from `at` on: their words, in `scratch` or where they are. Then, when they have been looked up, 0
 * in `present` for those outside 0 ... MAX: false where there can be none. Both need no interpreter lock. */
const uint64_t *column_block(const struct column *column, size_t at, size_t count,
			     uint64_t *scratch);
bool column_mask(const struct column *column, size_t at, size_t count, const uint64_t *words,
		 uint8_t *present);
/* The key at a position as an object, the one that was given if there is one. */
PyObject *column_key(const struct column *column, size_t at);

/* A removal makes its result first, and begins again where a collection that this started has written the tree. Lest
 * each does, the next attempts go without the collector: collector_pause(attempt > 0) ... collector_resume(). */
static inline int collector_pause(bool pause)
{
	return pause ? PyGC_Disable() : 0;
}

static inline void collector_resume(int paused)
{
	if (paused)
		PyGC_Enable();
}

/* tree_copy.c */
PyObject *tree_slice(struct tree_object *self, uint64_t first, uint64_t last, bool empty);
int attributes_set(PyObject *target, PyObject *attributes);
PyObject *attributes_get(struct tree_object *tree);

/* tree_iter.c */
enum iterator_kind { ITERATE_ENTRIES, ITERATE_GAPS };
struct iteration {
	uint64_t first;
	uint64_t last;
	enum iterator_kind kind;
	bool empty; /* no index at all */
	bool reverse;
	bool clip;
};
PyObject *iterator_new(struct tree_object *tree, const struct iteration *iteration);
/* One step of an iterator of entries: 1 with an owned *value, 0 at the end, -1 with MemoryError. */
int iterator_step(PyObject *iterator, uint64_t *first, uint64_t *last, PyObject **value);
extern PyType_Spec iterator_spec;

/* cursor.c */
PyObject *cursor_new(struct tree_object *tree, PyObject *first, PyObject *last);
extern PyType_Spec cursor_spec;

/* Methods with their own files: tree_read.c, tree_write.c, tree_copy.c, arrays.c, pickle.c. */
#define FASTCALL_METHOD(name)                                                                      \
	PyObject *name(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,          \
		       PyObject *kwnames)
#define NOARGS_METHOD(name) PyObject *name(struct tree_object *self, PyObject *unused)

FASTCALL_METHOD(tree_get);
FASTCALL_METHOD(tree_entry);
FASTCALL_METHOD(tree_find);
FASTCALL_METHOD(tree_find_rev);
FASTCALL_METHOD(tree_next);
FASTCALL_METHOD(tree_prev);
FASTCALL_METHOD(tree_entries);
FASTCALL_METHOD(tree_gaps);
FASTCALL_METHOD(tree_is_free);
FASTCALL_METHOD(tree_empty_area);
FASTCALL_METHOD(tree_dump);
NOARGS_METHOD(tree_check);
NOARGS_METHOD(tree_reversed);

FASTCALL_METHOD(tree_store_range);
FASTCALL_METHOD(tree_insert_range);
FASTCALL_METHOD(tree_erase);
FASTCALL_METHOD(tree_pop_range);
FASTCALL_METHOD(tree_alloc_range);
NOARGS_METHOD(tree_clear_all);

NOARGS_METHOD(tree_fork);
NOARGS_METHOD(tree_dup);
FASTCALL_METHOD(tree_dup_into);
FASTCALL_METHOD(tree_cursor);

PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
NOARGS_METHOD(tree_to_arrays);
FASTCALL_METHOD(tree_load_many);
FASTCALL_METHOD(tree_store_many);

NOARGS_METHOD(tree_reduce);
PyObject *tree_setstate(struct tree_object *self, PyObject *state);

/* ---- args.c ----------------------------------------------------------------------------------- */

/* A signature: `required` of `count` parameters must be given, `positional` may be by position. */
struct signature {
	const char *function;
	const char *const *names;
	int count;
	int required;
	int positional;
};

int args_parse_slow(const struct signature *signature, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames, PyObject **out);

/* Borrowed references into out[0 ... count - 1], NULL where not given. 0 or -1. */
static inline int args_parse(const struct signature *signature, PyObject *const *args,
			     Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
	if (__builtin_expect(
		    kwnames || nargs < signature->required || nargs > signature->positional, 0))
		return args_parse_slow(signature, args, nargs, kwnames, out);
	for (int i = 0; i < signature->count; i++)
		out[i] = i < nargs ? args[i] : NULL;
	return 0;
}

enum index_kind {
	INDEX_ERROR = -1, /* with TypeError, or what __index__ raised */
	INDEX_IN = 0,     /* 0 ... MAX */
	INDEX_BELOW,      /* negative */
	INDEX_TOP,        /* 2^64 */
	INDEX_ABOVE,      /* more */
};

int index_parse_slow(PyObject *number, const char *name, uint64_t *out);

/* An int of one or two digits, 1 ... 2^60 - 1, as most are: read without a call. */
static inline bool int_is_short(PyObject *number, uint64_t *out)
{
	/* The layout of an int is known for these versions, and checked by every test that has numbers in it. */
#if PyLong_SHIFT == 30 && PY_VERSION_HEX < 0x030F0000
	PyLongObject *integer = (PyLongObject *)number;
#if PY_VERSION_HEX >= 0x030C0000
	const digit *digits = integer->long_value.ob_digit;
	/* The sign's two bits are 0 for positive numbers. */
	uintptr_t size = integer->long_value.lv_tag;

	size = size & 3 ? 0 : size >> 3;
#else
	const digit *digits = integer->ob_digit;
	Py_ssize_t size = Py_SIZE(integer);
#endif
	if (size == 2) {
		*out = (uint64_t)digits[1] << PyLong_SHIFT | digits[0];
		return true;
	}
	if (size == 1) {
		*out = digits[0];
		return true;
	}
#else
	(void)number;
	(void)out;
#endif
	return false;
}

static inline int index_parse(PyObject *number, const char *name, uint64_t *out)
{
	if (__builtin_expect(PyLong_CheckExact(number) && int_is_short(number, out), 1))
		return INDEX_IN;
	return index_parse_slow(number, name, out);
}

/* Its text for a message, in base 16 where it has more digits than Python writes in base 10. NULL with an exception. */
PyObject *number_shown(PyObject *number);

/* For writes: 0, or -1 with a ValueError that names what lies outside 0 ... MAX. */
int index_require_failed(PyObject *number, const char *name, int kind);
static inline int index_require(PyObject *number, const char *name, uint64_t *out)
{
	int kind = index_parse(number, name, out);

	if (__builtin_expect(kind == INDEX_IN, 1))
		return 0;
	return index_require_failed(number, name, kind);
}

/* Closed windows. A bound that is NULL takes its default, 0 or MAX.
 * require: both in 0 ... MAX, first <= last: 0, or -1.
 * clip: ends outside are cut: 1; 0 where all of it lies outside; -1 where first > last. */
int window_require(PyObject *first_object, PyObject *last_object, uint64_t *first, uint64_t *last);
int window_clip(PyObject *first_object, const char *first_name, PyObject *last_object,
		const char *last_name, uint64_t *first, uint64_t *last);
/* The same for a half-open slice, as the closed window it means: 1; 0 where it is empty; -1. */
int slice_require(PyObject *slice, uint64_t *first, uint64_t *last);
int slice_clip(PyObject *slice, uint64_t *first, uint64_t *last);

/* A search for free room. */
struct area {
	PyObject *size_object; /* borrowed, for messages, as is align_object */
	PyObject *align_object;
	uint64_t size;   /* where none of the next two is set */
	bool size_whole; /* 2^64 */
	bool size_above; /* more */
	uint64_t align;
	bool align_above; /* more than MAX: only 0 is a multiple */
	bool reverse;
	bool outside; /* no index in the window */
	uint64_t first;
	uint64_t last;
};

int area_size(struct area *area, PyObject *size);
int area_options(struct area *area, PyObject *align, PyObject *reverse);
/* 1 with *start, 0 with NoSpaceError, -1 with another exception. */
int area_search(struct tree_object *tree, const struct area *area, uint64_t *start);
void area_raise(const struct core_state *state, const struct area *area);

#endif /* SAMARA_BINDING_H */
