/*
 * MUST(x): a promise of our own code, checked in every build. A broken promise
 * ends the process at once: it is better to restart from the last commit than
 * to go on with money or relays in an unknown state. Input from outside is
 * never checked with MUST; it gets a named error.
 *
 * must_fail is supplied by the program (base/must.c on a computer, the image's
 * reset on a microcontroller).
 */
#ifndef YUFU_BASE_MUST_H
#define YUFU_BASE_MUST_H

_Noreturn void must_fail(const char *file, int line, const char *what);

#define MUST(x) ((x) ? (void)0 : must_fail(__FILE__, __LINE__, #x))

#endif
