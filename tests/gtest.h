/* SPDX-License-Identifier: MIT */
/*
 * A small GoogleTest-like face over cmocka, for C11 and C++17. Link tlpb_gtest,
 * which has main(); its options are in gtest.c.
 *
 *	TEST(Credits, PostedFlowsWhileNonPostedIsExhausted) { EXPECT_EQ(1 + 1, 2); }
 *
 * EXPECT_* reports and goes on, and may be used in any thread. ASSERT_* and FAIL
 * also end the test at once, from any depth, and belong to the test's own thread:
 * by longjmp() in C, by an exception in C++. Operands are evaluated once and
 * compared by value, whatever their types. In a loop over a table, gt_about() says
 * which row a failure is about.
 */
#ifndef TLPB_GTEST_H
#define TLPB_GTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
#include <exception>
#include <type_traits>
extern "C" {
#endif

struct gt_test {
	const char *name;	/* "Suite.Name" */
	void (*run)(void);
	struct gt_test *next;
};

enum gt_kind { GT_SIGNED, GT_UNSIGNED, GT_POINTER, GT_REAL };

/* An operand; u holds the bits of all but real ones. */
struct gt_value {
	enum gt_kind kind;
	unsigned long long u;
	double d;
};

enum gt_op { GT_EQ, GT_NE, GT_LT, GT_LE, GT_GT, GT_GE };

/* Where a check stands and how its operands are written there. */
struct gt_site {
	const char *file;
	int line;
	const char *a, *b;
};

void gt_register(struct gt_test *test);

/* Each reports a failure, if it is one, and returns whether the check holds. */
bool gt_check(struct gt_site site, enum gt_op op, struct gt_value a, struct gt_value b);
bool gt_check_true(struct gt_site site, bool expected, bool value);
bool gt_check_str(struct gt_site site, bool equal, const char *a, const char *b);
bool gt_check_mem(struct gt_site site, const void *a, const void *b, size_t len);
bool gt_fail(struct gt_site site, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "Suite.Name" of the running test; "": none. In programs without tests, too. */
const char *gt_name(void);
void gt_set_name(const char *name);

/* Name what the following checks of this test are about; kept as a copy. */
void gt_about(const char *what);

/* End the running test, which has failed. */
void gt_end(void) __attribute__((noreturn));

/* Functions, since C++17 has no compound literals. */
static inline struct gt_site gt_here(const char *file, int line, const char *a, const char *b)
{
	struct gt_site site = { file, line, a, b };
	return site;
}

static inline struct gt_value gt_signed(long long v)
{
	struct gt_value value = { GT_SIGNED, (unsigned long long)v, 0 };
	return value;
}

static inline struct gt_value gt_unsigned(unsigned long long v)
{
	struct gt_value value = { GT_UNSIGNED, v, 0 };
	return value;
}

static inline struct gt_value gt_pointer(const volatile void *v)
{
	struct gt_value value = { GT_POINTER, (unsigned long long)(size_t)v, 0 };
	return value;
}

static inline struct gt_value gt_real(double v)
{
	struct gt_value value = { GT_REAL, 0, v };
	return value;
}

#ifdef __cplusplus
}

template <class T> gt_value gt_value_of(T v)
{
	if constexpr (std::is_floating_point_v<T>)
		return gt_real(v);
	else if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>)
		return gt_pointer(v);
	else if constexpr (std::is_enum_v<T> || std::is_signed_v<T>)
		return gt_signed(static_cast<long long>(v));
	else
		return gt_unsigned(v);
}

struct gt_ended {};
#define GT_VALUE(v) gt_value_of(v)
#define GT_END() throw gt_ended()
#define GT_RUN(body) \
	try { \
		body(); \
	} catch (const gt_ended &) { \
	} catch (const std::exception &e) { \
		gt_fail(GT_SITE("", ""), "uncaught exception: %s", e.what()); \
	}
#else
#define GT_VALUE(v) _Generic((v), \
	bool: gt_unsigned, char: gt_signed, signed char: gt_signed, unsigned char: gt_unsigned, \
	short: gt_signed, unsigned short: gt_unsigned, int: gt_signed, unsigned: gt_unsigned, \
	long: gt_signed, unsigned long: gt_unsigned, long long: gt_signed, \
	unsigned long long: gt_unsigned, float: gt_real, double: gt_real, default: gt_pointer)(v)
#define GT_END() gt_end()
#define GT_RUN(body) body();
#endif

/* The constructors of a file run in the order of its tests. */
#define TEST(suite_, name_) \
	static void suite_##_##name_(void); \
	static void suite_##_##name_##_run(void) { GT_RUN(suite_##_##name_) } \
	__attribute__((constructor)) static void suite_##_##name_##_register(void) \
	{ \
		static struct gt_test test = { #suite_ "." #name_, suite_##_##name_##_run, NULL }; \
		gt_register(&test); \
	} \
	static void suite_##_##name_(void)

#define GT_SITE(a, b) gt_here(__FILE__, __LINE__, a, b)
#define GT_OP(op, a, b, ta, tb) gt_check(GT_SITE(ta, tb), op, GT_VALUE(a), GT_VALUE(b))
#define GT_NIL(op, p, tp) gt_check(GT_SITE(tp, "NULL"), op, gt_pointer(p), gt_pointer(NULL))
#define GT_OR_END(holds) do { if (!(holds)) GT_END(); } while (0)

#define EXPECT_TRUE(v) ((void)gt_check_true(GT_SITE(#v, ""), true, !!(v)))
#define EXPECT_FALSE(v) ((void)gt_check_true(GT_SITE(#v, ""), false, !!(v)))
#define EXPECT_EQ(a, b) ((void)GT_OP(GT_EQ, a, b, #a, #b))
#define EXPECT_NE(a, b) ((void)GT_OP(GT_NE, a, b, #a, #b))
#define EXPECT_LT(a, b) ((void)GT_OP(GT_LT, a, b, #a, #b))
#define EXPECT_LE(a, b) ((void)GT_OP(GT_LE, a, b, #a, #b))
#define EXPECT_GT(a, b) ((void)GT_OP(GT_GT, a, b, #a, #b))
#define EXPECT_GE(a, b) ((void)GT_OP(GT_GE, a, b, #a, #b))
#define EXPECT_STREQ(a, b) ((void)gt_check_str(GT_SITE(#a, #b), true, a, b))
#define EXPECT_STRNE(a, b) ((void)gt_check_str(GT_SITE(#a, #b), false, a, b))
#define EXPECT_MEMEQ(a, b, len) ((void)gt_check_mem(GT_SITE(#a, #b), a, b, len))
#define EXPECT_NULL(p) ((void)GT_NIL(GT_EQ, p, #p))
#define EXPECT_NOT_NULL(p) ((void)GT_NIL(GT_NE, p, #p))

#define ASSERT_TRUE(v) GT_OR_END(gt_check_true(GT_SITE(#v, ""), true, !!(v)))
#define ASSERT_FALSE(v) GT_OR_END(gt_check_true(GT_SITE(#v, ""), false, !!(v)))
#define ASSERT_EQ(a, b) GT_OR_END(GT_OP(GT_EQ, a, b, #a, #b))
#define ASSERT_NE(a, b) GT_OR_END(GT_OP(GT_NE, a, b, #a, #b))
#define ASSERT_LT(a, b) GT_OR_END(GT_OP(GT_LT, a, b, #a, #b))
#define ASSERT_LE(a, b) GT_OR_END(GT_OP(GT_LE, a, b, #a, #b))
#define ASSERT_GT(a, b) GT_OR_END(GT_OP(GT_GT, a, b, #a, #b))
#define ASSERT_GE(a, b) GT_OR_END(GT_OP(GT_GE, a, b, #a, #b))
#define ASSERT_STREQ(a, b) GT_OR_END(gt_check_str(GT_SITE(#a, #b), true, a, b))
#define ASSERT_STRNE(a, b) GT_OR_END(gt_check_str(GT_SITE(#a, #b), false, a, b))
#define ASSERT_MEMEQ(a, b, len) GT_OR_END(gt_check_mem(GT_SITE(#a, #b), a, b, len))
#define ASSERT_NULL(p) GT_OR_END(GT_NIL(GT_EQ, p, #p))
#define ASSERT_NOT_NULL(p) GT_OR_END(GT_NIL(GT_NE, p, #p))
#define FAIL(...) GT_OR_END(gt_fail(GT_SITE("", ""), __VA_ARGS__))

#endif
