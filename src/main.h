/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of app_ops that main.c hands to the commands. */
#ifndef NH_MAIN_H
#define NH_MAIN_H

#include "cli/app.h"

/* main_info.c */
int main_image_info(const char *path, const char *format, json_t **info,
		    struct err *e);

#endif
