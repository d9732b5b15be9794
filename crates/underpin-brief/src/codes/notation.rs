//! Codes U01xx: the notation (KDL).

codes! {
    U0101
    U0102
    U0103
    U0104
    U0105
    U0106
    U0107
    U0108
    U0109
    U0110
    U0111
    U0112
    U0113
    U0114
    U0115
    U0116
    U0117
    U0118
    U0119
    U0120
    U0121
    U0122
}
