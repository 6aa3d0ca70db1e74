/* SPDX-License-Identifier: MIT */
/*
 * Dates and moments as keys, without a call of Python code: exact objects of datetime.date and
 * datetime.datetime that fit the kind. All others, such as pandas.Timestamp and numpy.datetime64,
 * are left to the kind in Python, and so are all errors.
 *
 * Times are microseconds since 1970-01-01T00:00, which fit an int64_t for all years that datetime
 * knows. A time zone's methods can run any code. Owns nothing but what a struct moments holds. For
 * the kinds of keys.
 */
#include "moments.h"

#include <datetime.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define DAYS_TO_1970 719468 /* from 0000-03-01 */
#define DAYS_IN_400_YEARS 146097

static const PyDateTime_CAPI *api_of(const struct moments *moments)
{
	/* The header's static variable stays NULL: interpreters share nothing. */
	(void)PyDateTimeAPI;
	return moments->api;
}

/* ---- the calendar --------------------------------------------------------------------------- */

/* Days from 1970-01-01 to a date of the years 1 ... 9999. */
static int64_t days_of(int year, int month, int day)
{
	/* Of a year that begins in March, so that a leap day is its last one. */
	int from = month > 2 ? year : year - 1;
	int months = month > 2 ? month - 3 : month + 9;

	return 365 * from + from / 4 - from / 100 + from / 400 + (153 * months + 2) / 5 + day -
	       DAYS_TO_1970 - 1;
}

struct date {
	int year;
	int month;
	int day;
};

static struct date date_of(int64_t days)
{
	unsigned since = (unsigned)(days + DAYS_TO_1970);
	unsigned era = since / DAYS_IN_400_YEARS;
	unsigned in_era = since % DAYS_IN_400_YEARS;
	unsigned years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	unsigned in_year = in_era - (365 * years + years / 4 - years / 100);
	unsigned months = (5 * in_year + 2) / 153;
	struct date date;

	date.day = (int)(in_year - (153 * months + 2) / 5 + 1);
	date.month = (int)(months < 10 ? months + 3 : months - 9);
	date.year = (int)(400 * era + years + (months < 10 ? 0 : 1));
	return date;
}

/* ---- the kind ------------------------------------------------------------------------------- */

/* An int among a kind's attributes; 0 if there is no such attribute. 0 or -1. */
static int int_attribute(PyObject *kind, const char *name, int64_t *number)
{
	PyObject *value = PyObject_GetAttrString(kind, name);

	*number = 0;
	if (!value) {
		if (!PyErr_ExceptionMatches(PyExc_AttributeError))
			return -1;
		PyErr_Clear();
		return 0;
	}
	*number = PyLong_AsLongLong(value);
	Py_DECREF(value);
	return PyErr_Occurred() ? -1 : 0;
}

static int zone_attribute(struct moments *moments, PyObject *kind)
{
	PyObject *zone = PyObject_GetAttrString(kind, "zone");

	if (!zone)
		return -1;
	moments->utc = zone == api_of(moments)->TimeZone_UTC;
	if (zone == Py_None)
		Py_DECREF(zone);
	else
		moments->zone = zone;
	return 0;
}

/* As PyCapsule_Import(), which does not return the capsule: the table lives as long as it does, and
 * the module goes first when the interpreter ends. Where datetime is in Python, there is no table: so it
 * is in interpreters of CPython 3.12 that have a GIL of their own. */
static int import_api(struct moments *moments)
{
	PyObject *module = PyImport_ImportModule("datetime");

	if (!module)
		return -1;
	moments->capsule = PyObject_GetAttrString(module, "datetime_CAPI");
	Py_DECREF(module);
	if (!moments->capsule) {
		if (!PyErr_ExceptionMatches(PyExc_AttributeError))
			return -1;
		PyErr_Clear();
		return 0;
	}
	moments->api = PyCapsule_GetPointer(moments->capsule, PyDateTime_CAPSULE_NAME);
	return moments->api ? 0 : -1;
}

int moments_init(struct moments *moments, PyObject *kind)
{
	PyObject *top;

	*moments = (struct moments){0};
	moments->utcoffset = PyUnicode_InternFromString("utcoffset");
	moments->fromutc = PyUnicode_InternFromString("fromutc");
	if (!moments->utcoffset || !moments->fromutc || import_api(moments) < 0)
		return -1;
	if (!moments->api)
		return 0;
	if (int_attribute(kind, "per_second", &moments->per_second) < 0 ||
	    int_attribute(kind, "origin", &moments->origin) < 0)
		return -1;
	top = PyObject_GetAttrString(kind, "top");
	if (!top)
		return -1;
	moments->top = PyLong_AsUnsignedLongLong(top);
	Py_DECREF(top);
	if (PyErr_Occurred())
		return -1;
	if (moments->per_second > 0)
		return zone_attribute(moments, kind);
	moments->origin = days_of(1, 1, 1);
	return 0;
}

void moments_clear(struct moments *moments)
{
	Py_CLEAR(moments->capsule);
	Py_CLEAR(moments->zone);
	Py_CLEAR(moments->utcoffset);
	Py_CLEAR(moments->fromutc);
}

/* ---- codes of keys -------------------------------------------------------------------------- */

/* Subtract a key's distance from UTC: 1; 0 if its zone does not know; -1. */
static int subtract_offset(const struct moments *moments, PyObject *key, int64_t *time)
{
	PyObject *offset = PyObject_CallMethodNoArgs(key, moments->utcoffset);
	int known;

	if (!offset)
		return -1;
	known = offset != Py_None;
	if (known)
		*time -= PyDateTime_DELTA_GET_DAYS(offset) * DAY +
			 PyDateTime_DELTA_GET_SECONDS(offset) * SECOND +
			 PyDateTime_DELTA_GET_MICROSECONDS(offset);
	Py_DECREF(offset);
	return known;
}

/* Convert a key's own time to UTC, or leave it if keys are naive: 1, 0 or -1. */
static int to_utc(const struct moments *moments, PyObject *key, int64_t *time)
{
	PyObject *zone = PyDateTime_DATE_GET_TZINFO(key);

	if (!moments->zone)
		return zone == Py_None;
	if (zone == Py_None)
		return 0;
	if (zone == api_of(moments)->TimeZone_UTC || (moments->utc && zone == moments->zone))
		return 1;
	return subtract_offset(moments, key, time);
}

/* The code of a time; false if the kind has none. */
static bool code_of_time(const struct moments *moments, int64_t time, uint64_t *code)
{
	if (moments->per_second > SECOND) {
		if (__builtin_mul_overflow(time, moments->per_second / SECOND, &time))
			return false;
	} else if (moments->per_second < SECOND) {
		int64_t unit = SECOND / moments->per_second;

		if (time % unit != 0)
			return false;
		time /= unit;
	}
	*code = (uint64_t)time - (uint64_t)moments->origin;
	return time >= moments->origin && *code <= moments->top;
}

int moment_code(const struct moments *moments, PyObject *key, uint64_t *code)
{
	const PyDateTime_CAPI *api = api_of(moments);
	bool dates = moments->per_second == 0;
	int64_t days, time;
	int status;

	if (!Py_IS_TYPE(key, dates ? api->DateType : api->DateTimeType))
		return 0;
	days = days_of(PyDateTime_GET_YEAR(key), PyDateTime_GET_MONTH(key),
		       PyDateTime_GET_DAY(key));
	if (dates) {
		*code = (uint64_t)(days - moments->origin);
		return 1;
	}
	time = days * DAY +
	       (PyDateTime_DATE_GET_HOUR(key) * 3600 + PyDateTime_DATE_GET_MINUTE(key) * 60 +
		PyDateTime_DATE_GET_SECOND(key)) *
		       SECOND +
	       PyDateTime_DATE_GET_MICROSECOND(key);
	status = to_utc(moments, key, &time);
	return status > 0 ? code_of_time(moments, time, code) : status;
}

/* ---- keys of codes -------------------------------------------------------------------------- */

static PyObject *date_object(const struct moments *moments, int64_t days)
{
	const PyDateTime_CAPI *api = api_of(moments);
	struct date date = date_of(days);

	return api->Date_FromDate(date.year, date.month, date.day, api->DateType);
}

/* Of a time that is not before 0001-01-01. */
static PyObject *datetime_object(const struct moments *moments, int64_t time)
{
	const PyDateTime_CAPI *api = api_of(moments);
	int64_t days = (time + DAYS_TO_1970 * DAY) / DAY - DAYS_TO_1970;
	struct date date = date_of(days);
	int64_t rest = time - days * DAY;
	int second = (int)(rest / SECOND);

	return api->DateTime_FromDateAndTime(
		date.year, date.month, date.day, second / 3600, second / 60 % 60, second % 60,
		(int)(rest % SECOND), moments->zone ? moments->zone : Py_None, api->DateTimeType);
}

int moment_key(const struct moments *moments, uint64_t code, PyObject **key)
{
	int64_t units = (int64_t)(code + (uint64_t)moments->origin);
	PyObject *utc;

	if (moments->per_second > SECOND)
		return 0;
	if (moments->per_second == 0)
		*key = date_object(moments, units);
	else
		*key = datetime_object(moments, units * (SECOND / moments->per_second));
	if (*key && moments->zone && !moments->utc) {
		utc = *key;
		*key = PyObject_CallMethodOneArg(moments->zone, moments->fromutc, utc);
		Py_DECREF(utc);
	}
	return *key ? 1 : -1;
}
