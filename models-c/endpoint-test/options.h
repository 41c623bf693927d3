/* SPDX-License-Identifier: MIT */
/* The options of endpoint-test in C: what they change is the device. */
#ifndef ENDPOINT_TEST_C_OPTIONS_H
#define ENDPOINT_TEST_C_OPTIONS_H

#include <tlpbridge/serve.h>

/* As the options leave it: 104c:b500, six memory BARs, INTA, 32 MSI and 2,048 MSI-X at first. */
extern struct tlpb_device device;

extern const struct tlpb_model_option options[];

#endif
