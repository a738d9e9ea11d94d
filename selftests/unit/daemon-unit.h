/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every test with cmocka needs. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define UUID(n) SD_ID128_MAKE(10,00,00,00,00,00,40,00,80,00,00,00,00,00,00,n)
