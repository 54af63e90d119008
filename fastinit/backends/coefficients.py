"""Coefficients, lowest power first; written by tools/fit_coefficients.py, which says of what."""

import numpy as np

NEG2LOG_F32 = np.array(
    [
        float.fromhex("0x1.fffff40000000p-1"),
        float.fromhex("-0x1.5556e60000000p-1"),
        float.fromhex("0x1.0006c00000000p-1"),
        float.fromhex("-0x1.98dab40000000p-2"),
        float.fromhex("0x1.52fbd80000000p-2"),
        float.fromhex("-0x1.30cc520000000p-2"),
        float.fromhex("0x1.2770a20000000p-2"),
        float.fromhex("-0x1.6fdc500000000p-3"),
    ],
    np.float32,
)

SIN_F32 = np.array(
    [
        float.fromhex("0x1.921fb40000000p+0"),
        float.fromhex("-0x1.4abba80000000p-1"),
        float.fromhex("0x1.465a720000000p-4"),
        float.fromhex("-0x1.2cfcc80000000p-8"),
    ],
    np.float32,
)

COS_F32 = np.array(
    [
        float.fromhex("-0x1.3bd3a20000000p+0"),
        float.fromhex("0x1.03b17c0000000p-2"),
        float.fromhex("-0x1.4eae000000000p-6"),
    ],
    np.float32,
)

QUANTILE_CENTRE_F32 = np.array(
    [
        float.fromhex("0x1.40d9100000000p+1"),
        float.fromhex("0x1.5004a40000000p-2"),
        float.fromhex("0x1.0a13b00000000p-7"),
        float.fromhex("-0x1.9d63360000000p-11"),
        float.fromhex("-0x1.40a3b60000000p-15"),
        float.fromhex("0x1.06827c0000000p-17"),
        float.fromhex("-0x1.ae6b720000000p-22"),
        float.fromhex("0x1.de40ee0000000p-28"),
        float.fromhex("0x1.7eec6a0000000p-36"),
    ],
    np.float32,
)

NEG2LOG_F64 = np.array(
    [
        float.fromhex("-0x1.0000000000000p+1"),
        float.fromhex("0x1.0000000000005p+0"),
        float.fromhex("-0x1.55555555552b6p-1"),
        float.fromhex("0x1.fffffffffacfbp-2"),
        float.fromhex("-0x1.9999999a3847ep-2"),
        float.fromhex("0x1.5555555c3d97dp-2"),
        float.fromhex("-0x1.249248b785420p-2"),
        float.fromhex("0x1.fffff78d1007dp-3"),
        float.fromhex("-0x1.c71cb524d6ba9p-3"),
        float.fromhex("0x1.999c4e94b9e6cp-3"),
        float.fromhex("-0x1.7453f373c6934p-3"),
        float.fromhex("0x1.54de379c4e8d4p-3"),
        float.fromhex("-0x1.3b50c9e560266p-3"),
        float.fromhex("0x1.2ec2426b48cc0p-3"),
        float.fromhex("-0x1.1f590a6370528p-3"),
        float.fromhex("0x1.628add974b822p-4"),
    ],
    np.float64,
)

SIN_F64 = np.array(
    [
        float.fromhex("0x1.1c5831add62e4p+1"),
        float.fromhex("-0x1.d3ba5c1c5f43bp-1"),
        float.fromhex("0x1.cda106381b251p-4"),
        float.fromhex("-0x1.b1e9f345bd5fap-8"),
        float.fromhex("0x1.dbd6f4cd4a02bp-13"),
        float.fromhex("-0x1.5587e1f000abap-18"),
        float.fromhex("0x1.55f7a570fa6b1p-24"),
    ],
    np.float64,
)

EXP_F64 = np.array(
    [
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.0000000000000p-1"),
        float.fromhex("0x1.5555555555562p-3"),
        float.fromhex("0x1.5555555555562p-5"),
        float.fromhex("0x1.111111110db77p-7"),
        float.fromhex("0x1.6c16c16c127b5p-10"),
        float.fromhex("0x1.a01a01b801af5p-13"),
        float.fromhex("0x1.a01a01b73b566p-16"),
        float.fromhex("0x1.71dde76bbe438p-19"),
        float.fromhex("0x1.27e4ba92a53a1p-22"),
        float.fromhex("0x1.af785b9c9bd0dp-26"),
        float.fromhex("0x1.1fa392f8cc85cp-29"),
    ],
    np.float64,
)

COS_F64 = np.array(
    [
        float.fromhex("-0x1.bea5b6072b212p+0"),
        float.fromhex("0x1.6f5a49b291b67p-2"),
        float.fromhex("-0x1.e36ab0b7384fep-6"),
        float.fromhex("0x1.54cb87dccc623p-10"),
        float.fromhex("-0x1.2af500322ef5ep-15"),
        float.fromhex("0x1.618224140b192p-21"),
    ],
    np.float64,
)

QUANTILE_TAIL_NUMERATOR_F32 = np.array(
    [
        float.fromhex("-0x1.3f7ee80000000p+1"),
        float.fromhex("-0x1.4cfa000000000p-2"),
        float.fromhex("0x1.9302500000000p+0"),
        float.fromhex("0x1.a9a2840000000p-2"),
        float.fromhex("0x1.088f940000000p-6"),
    ],
    np.float32,
)

QUANTILE_TAIL_DENOMINATOR_F32 = np.array(
    [
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.a8e3ba0000000p+0"),
        float.fromhex("0x1.a9d9240000000p-2"),
        float.fromhex("0x1.088c640000000p-6"),
    ],
    np.float32,
)

QUANTILE_CENTRE_NUMERATOR_F64 = np.array(
    [
        float.fromhex("0x1.0cafc9b0f9824p+2"),
        float.fromhex("0x1.2b64f776e40a7p+9"),
        float.fromhex("0x1.0806cfca9fd94p+15"),
        float.fromhex("0x1.d88813628a0ebp+19"),
        float.fromhex("0x1.cb2340907caa0p+23"),
        float.fromhex("0x1.e3db875517af9p+26"),
        float.fromhex("0x1.0732fb1a6caa0p+29"),
        float.fromhex("0x1.09a7a715a20cdp+30"),
        float.fromhex("0x1.8ff54c6903ecbp+29"),
        float.fromhex("0x1.e2f3ee83d43aap+26"),
        float.fromhex("-0x1.4409773f2baa8p+22"),
    ],
    np.float64,
)

QUANTILE_CENTRE_DENOMINATOR_F64 = np.array(
    [
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.2c6707412916dp+7"),
        float.fromhex("0x1.19e4bbf0fa945p+13"),
        float.fromhex("0x1.1023045afe064p+18"),
        float.fromhex("0x1.229fb0b52acccp+22"),
        float.fromhex("0x1.597bf09bc7bc0p+25"),
        float.fromhex("0x1.b880ad4975023p+27"),
        float.fromhex("0x1.1517417a18059p+29"),
        float.fromhex("0x1.24ca3aa06a53cp+29"),
        float.fromhex("0x1.669f797159020p+27"),
    ],
    np.float64,
)

QUANTILE_MIDDLE_NUMERATOR_F64 = np.array(
    [
        float.fromhex("0x1.6c665fde9526ap+0"),
        float.fromhex("0x1.2857748cab19bp+2"),
        float.fromhex("0x1.713f71462256ap+2"),
        float.fromhex("0x1.d2ecb1a3d02c4p+1"),
        float.fromhex("0x1.453cc085375b2p+0"),
        float.fromhex("0x1.ef2abb9b85c37p-3"),
        float.fromhex("0x1.744eb6c45ec67p-6"),
        float.fromhex("0x1.9615ac0b7ace9p-11"),
    ],
    np.float64,
)

QUANTILE_MIDDLE_DENOMINATOR_F64 = np.array(
    [
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.06cefbb46a449p+1"),
        float.fromhex("0x1.ad278e6526633p+0"),
        float.fromhex("0x1.61292f23385c9p-1"),
        float.fromhex("0x1.2f5123394f040p-3"),
        float.fromhex("0x1.f207a7eab17bfp-7"),
        float.fromhex("0x1.1f18cbfdf2728p-11"),
        float.fromhex("0x1.20d3f686439e4p-30"),
    ],
    np.float64,
)

QUANTILE_TAIL_NUMERATOR_F64 = np.array(
    [
        float.fromhex("0x1.aa1b1c13ee526p+2"),
        float.fromhex("0x1.5daea6e875003p+2"),
        float.fromhex("0x1.c8ea6461fa445p+0"),
        float.fromhex("0x1.2fad9315255cfp-2"),
        float.fromhex("0x1.b2b41193b4ee7p-6"),
        float.fromhex("0x1.45c1908425345p-10"),
        float.fromhex("0x1.c6ec6cc59e02ap-16"),
        float.fromhex("0x1.afb74d693bf93p-23"),
    ],
    np.float64,
)

QUANTILE_TAIL_DENOMINATOR_F64 = np.array(
    [
        float.fromhex("0x1.0000000000000p+0"),
        float.fromhex("0x1.331d34fc7d77fp-1"),
        float.fromhex("0x1.186eb183443fbp-3"),
        float.fromhex("0x1.e76f93215462ap-7"),
        float.fromhex("0x1.9c8bc979dc5d7p-11"),
        float.fromhex("0x1.35c2c496374bfp-16"),
        float.fromhex("0x1.31446f740b9e0p-23"),
        float.fromhex("0x1.269bff1f8c190p-49"),
    ],
    np.float64,
)
