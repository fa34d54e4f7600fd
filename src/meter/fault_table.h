/* What can be wrong with a model: FAULT_ROW(name, stable text, en, zh). */
FAULT_ROW(SYNTAX, "syntax", "is not JSON", "不是有效的 JSON")
FAULT_ROW(TYPE, "type", "is of another type", "类型不符")
FAULT_ROW(UNKNOWN, "unknown-member", "is not a member of this", "没有此成员")
FAULT_ROW(TWICE, "twice", "stands twice", "重复出现")
FAULT_ROW(MISSING, "missing", "is missing", "缺失")
FAULT_ROW(RANGE, "range", "is out of range", "超出范围")
FAULT_ROW(TEXT, "text", "is not such a text", "文本不符合要求")
FAULT_ROW(CHOICE, "choice", "is none of the choices", "不在可选值之内")
FAULT_ROW(COUNT, "count", "has too many elements", "元素过多")
FAULT_ROW(NO_ROW, "no-such-row", "names a row that does not exist", "所指的行不存在")
FAULT_ROW(DRIVER, "driver", "does not go with this driver", "与所选驱动不符")
FAULT_ROW(POINT_TWICE, "point-twice", "is told twice by one row", "同一行重复给出该数据点")
FAULT_ROW(POINT_ELSEWHERE, "point-elsewhere", "is told by another row that is asked as well",
          "另一行也给出该数据点")
FAULT_ROW(BLOCK, "block", "does not lie in one block that the meter answers",
          "不在表计一次可答的数据块内")
FAULT_ROW(VEND, "vend", "contradicts the class of the wallet", "与钱包类别矛盾")
FAULT_ROW(PROOF, "proof", "is proven by a row that does not tell it", "证明行不能给出相应状态")
FAULT_ROW(LEAD, "lead", "leads to no row, or is led to by none", "没有可引向的行，或没有行引向它")

FAULT_ROW(UNIT, "unit", "cannot be told in the unit of this point", "无法换算为该数据点的单位")
