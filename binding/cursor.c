/* SPDX-License-Identifier: MIT */
/*
 * samara.Cursor: the kernel's ma_state over a tree that the cursor keeps alive. Compiled once for each
 * width of codes; cursor_type.c has the type.
 *
 * The ma_state remembers the path to where it stands, and the tree's generation at that time. If
 * the generation has changed, the core walks again, so a cursor never follows a freed node. The
 * remembered word is stale in the same case: only word_now() and found() read it.
 *
 * A step moves the core's cursor before the object to return exists. If there is no memory for that
 * object, the cursor goes back (struct place), so that the step can be repeated.
 *
 * A cursor owns a reference to its tree, and the nodes that its ma_state has in reserve.
 */
#include "cursor.h"
#include "area.h"
#include "attempt.h"
#include "errors.h"

/* ---- life ----------------------------------------------------------------------------------- */

/* [first, last]. If last is NULL or None: the single index first. */
static int parse_place(const struct kind *kind, PyObject *first_object, PyObject *last_object,
		       mt_key *first, mt_key *last)
{
	if (last_object && last_object != Py_None)
		return window_within(kind, first_object, last_object, first, last);
	*first = 0;
	if (first_object && first_object != Py_None &&
	    key_require(kind, first_object, "first", first) < 0)
		return -1;
	*last = *first;
	return 0;
}

PyObject *cursor_new(struct tree_object *tree, PyObject *first_object, PyObject *last_object)
{
	struct cursor_object *self;
	mt_key first, last;

	if (parse_place(tree->kind, first_object, last_object, &first, &last) < 0)
		return NULL;
	self = PyObject_GC_New(struct cursor_object, tree->state->cursor_type);
	if (!self)
		return NULL;
	Py_INCREF(tree);
	self->tree = tree;
	mas_init(&self->mas, &tree->mt, first);
	mas_set_range(&self->mas, first, last);
	PyObject_GC_Track(self);
	return (PyObject *)self;
}

PyObject *tree_cursor(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	static const char *const names[] = {"first", "last"};
	static const struct signature signature = {"cursor", names, 2, 0, 2};
	PyObject *given[2];

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	return cursor_new(self, given[0], given[1]);
}

void cursor_end(struct cursor_object *self)
{
	mas_destroy(&self->mas);
}

/* ---- results -------------------------------------------------------------------------------- */

/* After a call of the core that moved the cursor: no place reaches beyond the kind's last key, as the
 * core's last gap does. Returns what the call returned. */
static inline int within_limits(struct cursor_object *self, int result)
{
	mt_key top = kind_top(self->tree->kind);

	if (__builtin_expect(self->mas.last > top, 0))
		self->mas.last = top;
	return result;
}

/* The Entry or Gap that the cursor stands on, right after a step of the core. */
static PyObject *found(struct cursor_object *self)
{
	struct ma_state *mas = &self->mas;

	if (!mas->present)
		return gap_new(self->tree->kind, mas->index, mas->last);
	return entry_new(self->tree->kind, mas->index, mas->last, tree_box(self->tree, mas->word));
}

/* Where a cursor is. */
struct place {
	mt_key index;
	mt_key last;
	enum maple_status status;
	uint64_t seen;
};

static struct place place_of(const struct cursor_object *self)
{
	return (struct place){self->mas.index, self->mas.last, self->mas.status, self->mas.seen};
}

static void go_back(struct cursor_object *self, const struct place *place)
{
	struct ma_state *mas = &self->mas;

	mas_set_range(mas, place->index, place->last);
	mas->status = place->status;
	mas->generation = 0; /* the path has moved ahead */
	mas->seen = place->seen;
	mas->present = mtree_load_word(mas->tree, mas->index, &mas->word);
}

static PyObject *found_or_back(struct cursor_object *self, const struct place *place)
{
	PyObject *result = found(self);

	if (!result)
		go_back(self, place);
	return result;
}

static PyObject *found_or_none(struct cursor_object *self, bool something,
			       const struct place *place)
{
	if (something)
		return found_or_back(self, place);
	Py_RETURN_NONE;
}

/* The word of the value that is now at the cursor's index. False on a gap, or if the cursor has not
 * been walked. */
static bool word_now(struct cursor_object *self, uint64_t *word)
{
	struct maple_tree *mt = &self->tree->mt;

	if (self->mas.status != ma_active)
		return false;
	if (self->mas.generation != mt->ma_generation)
		return mtree_load_word(mt, self->mas.index, word);
	*word = self->mas.word;
	return self->mas.present;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* A limit: an upper one for steps up, a lower one for steps down. 1; 0 if nothing can lie on this
 * side of it; -1. Limits outside 0 ... MAX are cut. */
static int parse_limit(const struct kind *kind, const struct signature *signature, bool up,
		       PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, mt_key *limit)
{
	PyObject *given[1];
	int place;

	if (args_parse(signature, args, nargs, kwnames, given) < 0)
		return -1;
	*limit = up ? kind_top(kind) : 0;
	place = INDEX_IN;
	if (given[0] && given[0] != Py_None)
		place = key_parse(kind, given[0], signature->names[0], limit);
	if (place == INDEX_ERROR || place == INDEX_NOWHERE)
		return -1;
	if (place == INDEX_IN)
		return 1;
	*limit = place == INDEX_BELOW ? 0 : kind_top(kind);
	return (place == INDEX_BELOW) != up;
}

/* Whether a search ends without any change if nothing lies within its limit. In other statuses, a
 * limit that was cut has the same effect. */
static bool search_stays(enum maple_status status)
{
	return status != ma_pause && status != ma_overflow && status != ma_underflow;
}

typedef bool (*step_fn)(struct ma_state *mas, mt_key limit, bool gaps);

/* A step in either direction, from entry to entry or with gaps. */
struct step {
	const char *name;
	step_fn step;
	bool up;
	bool gaps;
	bool find;
};

static inline PyObject *step_to(struct cursor_object *self, const struct step how,
				PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	static const char *const limit_names[] = {"min", "max"};
	const struct signature signature = {how.name, limit_names + how.up, 1, 0, 1};
	struct place place;
	mt_key limit;
	int some = parse_limit(self->tree->kind, &signature, how.up, args, nargs, kwnames, &limit);

	if (some < 0 || tree_enter(self->tree) < 0)
		return NULL;
	place = place_of(self);
	if (!some && how.find && search_stays(place.status))
		Py_RETURN_NONE;
	return found_or_none(self, within_limits(self, how.step(&self->mas, limit, how.gaps)),
			     &place);
}

PyObject *cursor_next(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	const struct step how = {"next", mas_next_word, .up = true, .gaps = false, .find = false};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_next_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	const struct step how = {"next_range", mas_next_word, .up = true, .gaps = true,
				 .find = false};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_find(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	const struct step how = {"find", mas_find_word, .up = true, .gaps = false, .find = true};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_find_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	const struct step how = {"find_range", mas_find_word, .up = true, .gaps = true,
				 .find = true};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_prev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames)
{
	const struct step how = {"prev", mas_prev_word, .up = false, .gaps = false, .find = false};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_prev_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	const struct step how = {"prev_range", mas_prev_word, .up = false, .gaps = true,
				 .find = false};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_find_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	const struct step how = {"find_rev", mas_find_rev_word, .up = false, .gaps = false,
				 .find = true};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_find_range_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
				PyObject *kwnames)
{
	const struct step how = {"find_range_rev", mas_find_rev_word, .up = false, .gaps = true,
				 .find = true};

	return step_to(self, how, args, nargs, kwnames);
}

PyObject *cursor_walk(struct cursor_object *self, PyObject *Py_UNUSED(unused))
{
	struct place place;

	if (tree_enter(self->tree) < 0)
		return NULL;
	place = place_of(self);
	return found_or_none(self, within_limits(self, mas_walk_word(&self->mas)), &place);
}

PyObject *cursor_iternext(struct cursor_object *self)
{
	struct place place;

	if (tree_enter(self->tree) < 0)
		return NULL;
	place = place_of(self);
	if (!within_limits(self, mas_find_word(&self->mas, kind_top(self->tree->kind), false)))
		return NULL;
	return found_or_back(self, &place);
}

/* ---- moving without a step ------------------------------------------------------------------ */

PyObject *cursor_set(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames)
{
	static const char *const names[] = {"index"};
	static const struct signature signature = {"set", names, 1, 1, 1};
	PyObject *given[1];
	mt_key index;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    key_require(self->tree->kind, given[0], "index", &index) < 0)
		return NULL;
	mas_set(&self->mas, index);
	Py_RETURN_NONE;
}

PyObject *cursor_set_range(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames)
{
	static const char *const names[] = {"first", "last"};
	static const struct signature signature = {"set_range", names, 2, 2, 2};
	PyObject *given[2];
	mt_key first, last;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(self->tree->kind, given[0], given[1], &first, &last) < 0)
		return NULL;
	mas_set_range(&self->mas, first, last);
	Py_RETURN_NONE;
}

PyObject *cursor_pause(struct cursor_object *self, PyObject *Py_UNUSED(unused))
{
	mas_pause(&self->mas);
	Py_RETURN_NONE;
}

PyObject *cursor_reset(struct cursor_object *self, PyObject *Py_UNUSED(unused))
{
	mas_reset(&self->mas);
	Py_RETURN_NONE;
}

/* ---- writes --------------------------------------------------------------------------------- */

typedef int (*write_fn)(struct ma_state *mas, uint64_t word);

static int clear_word(struct ma_state *mas, uint64_t Py_UNUSED(word))
{
	return mas_clear(mas);
}

/* Write over [index, last]. An error leaves the cursor where it was. */
static PyObject *write_here(struct cursor_object *self, write_fn write, uint64_t word)
{
	struct place place = place_of(self);
	int status;

	if (!self->tree->policy) {
		status = write(&self->mas, word);
	} else {
		/* While the policy runs, it or another thread may move the cursor. The write uses a
		 * copy, which stays. */
		struct ma_state mas = self->mas;

		status = write(&mas, word);
		self->mas = mas;
	}
	within_limits(self, 0);
	if (status < 0) {
		go_back(self, &place);
		return raise_status(status);
	}
	Py_RETURN_NONE;
}

PyObject *cursor_store(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames)
{
	static const char *const names[] = {"value", "merge"};
	static const struct signature signature = {"store", names, 2, 1, 1};
	PyObject *given[2];
	bool merge = true;
	uint64_t word;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    (given[1] && truth_parse(given[1], &merge) < 0) ||
	    tree_enter_value(self->tree, given[0], &word) < 0)
		return NULL;
	if (merge)
		return write_here(self, mas_store_word, word);
	if (mas_replace_word(&self->mas, word)) /* without a question to the policy */
		Py_RETURN_NONE;
	return write_here(self, mas_store_apart_word, word);
}

PyObject *cursor_insert(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames)
{
	static const char *const names[] = {"value"};
	static const struct signature signature = {"insert", names, 1, 1, 1};
	struct tree_object *tree = self->tree;
	struct mt_entry occupied;
	PyObject *given[1];
	struct place place;
	PyObject *entry;
	uint64_t word;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    tree_enter_value(tree, given[0], &word) < 0)
		return NULL;
	place = place_of(self);
	if (!mtree_find(&tree->mt, place.index, place.last, &occupied))
		return write_here(self, mas_store_word, word);
	entry = tree_box_entry(tree, &occupied);
	if (!entry)
		return NULL;
	raise_occupied(tree->kind, place.index, place.last, entry);
	Py_DECREF(entry);
	if (PyErr_ExceptionMatches(tree->state->occupied_error))
		self->mas.status = ma_error;
	return NULL;
}

PyObject *cursor_clear(struct cursor_object *self, PyObject *Py_UNUSED(unused))
{
	if (tree_enter(self->tree) < 0)
		return NULL;
	return write_here(self, clear_word, 0);
}

PyObject *cursor_erase(struct cursor_object *self, PyObject *Py_UNUSED(unused))
{
	struct tree_object *tree = self->tree;
	struct attempt attempt = {0};
	struct place place;
	PyObject *result;
	int status;

	do {
		struct mt_entry entry;

		if (tree_enter(tree) < 0)
			return NULL;
		place = place_of(self);
		attempt_begin(&attempt, tree);
		if (mtree_lookup(&tree->mt, place.index, &entry))
			result = tree_box_entry(tree, &entry);
		else
			result = Py_NewRef(Py_None);
		status = attempt_end(&attempt, tree, &result);
		if (status == 1 && self->mas.index != place.index) { /* the cursor was moved */
			Py_CLEAR(result);
			status = 0;
		}
	} while (status == 0);
	if (!result)
		return NULL;
	status = within_limits(self, mas_erase(&self->mas, NULL));
	if (status == 0)
		return result;
	go_back(self, &place);
	Py_DECREF(result);
	return raise_status(status);
}

/* ---- free room ------------------------------------------------------------------------------ */

/* Stand on free indices that were just found: on a part of a gap, or in an empty tree. */
static void stand_on(struct cursor_object *self, const struct area *area, mt_key start)
{
	struct ma_state *mas = &self->mas;

	if (area->size_whole) {
		mas_set_range(mas, 0, MT_KEY_MAX);
		mas->status = ma_none;
	} else {
		mas_empty_area(mas, start, start + (area->size - 1), area->size);
	}
}

static PyObject *search_area(struct cursor_object *self, const char *name, bool reverse,
			     PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	static const char *const names[] = {"size", "min", "max"};
	const struct signature signature = {name, names, 3, 1, 3};
	struct area area = {.align = 1, .reverse = reverse};
	PyObject *given[3];
	PyObject *result;
	mt_key start;
	int some, found;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    area_size(&area, self->tree->kind, given[0]) < 0)
		return NULL;
	some = window_clip(self->tree->kind, or_limit(given[1]), "min", or_limit(given[2]), "max",
			   &area.first, &area.last);
	if (some < 0 || tree_enter(self->tree) < 0)
		return NULL;
	area.outside = !some;
	found = area_search(self->tree, &area, &start);
	if (found == 0 && area_can_fit(&area) &&
	    PyErr_ExceptionMatches(self->tree->state->space_error))
		self->mas.status = ma_error;
	if (found <= 0)
		return NULL;
	result = key_object(self->tree->kind, start);
	if (result)
		stand_on(self, &area, start);
	return result;
}

PyObject *cursor_empty_area(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	return search_area(self, "empty_area", false, args, nargs, kwnames);
}

PyObject *cursor_empty_area_rev(struct cursor_object *self, PyObject *const *args, Py_ssize_t nargs,
				PyObject *kwnames)
{
	return search_area(self, "empty_area_rev", true, args, nargs, kwnames);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static const char *status_name(enum maple_status status)
{
	switch (status) {
	case ma_start:
		return "start";
	case ma_active:
		return "active";
	case ma_pause:
		return "pause";
	case ma_none:
		return "none";
	case ma_overflow:
		return "overflow";
	case ma_underflow:
		return "underflow";
	case ma_error:
		return "error";
	}
	return "start";
}

PyObject *cursor_get_index(struct cursor_object *self, void *Py_UNUSED(closure))
{
	return key_object(self->tree->kind, self->mas.index);
}

PyObject *cursor_get_last(struct cursor_object *self, void *Py_UNUSED(closure))
{
	return key_object(self->tree->kind, self->mas.last);
}

PyObject *cursor_get_value(struct cursor_object *self, void *Py_UNUSED(closure))
{
	uint64_t word;

	if (tree_enter(self->tree) < 0)
		return NULL;
	if (word_now(self, &word))
		return tree_box(self->tree, word);
	Py_RETURN_NONE;
}

PyObject *cursor_get_status(struct cursor_object *self, void *Py_UNUSED(closure))
{
	return PyUnicode_FromString(status_name(self->mas.status));
}

PyObject *cursor_repr(struct cursor_object *self)
{
	PyObject *index = code_shown(self->tree->kind, self->mas.index);
	PyObject *last = index ? code_shown(self->tree->kind, self->mas.last) : NULL;
	PyObject *text = NULL;

	if (last)
		text = PyUnicode_FromFormat("<samara.Cursor [%U, %U] %s>", index, last,
					    status_name(self->mas.status));
	Py_XDECREF(index);
	Py_XDECREF(last);
	return text;
}
