"""The grammar of CEL for lark, whose LALR parser is built at the first expression (a few milliseconds), never at start-up.

Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax, with the optional syntax (`a.?b`, `a[?k]`, `[?x]`,
`{?k: v}`) of cel-go's optional types.
"""

from __future__ import annotations

GRAMMAR = r"""
?start: expr
?expr: either | either QUESTION either COLON expr -> ternary
?either: both | either OR both -> binary
?both: relation | both AND relation -> binary
?relation: sum | relation (LT | LE | GE | GT | EQ | NE | IN) sum -> binary
?sum: product | sum (PLUS | MINUS) product -> binary
?product: unary | product (STAR | SLASH | PERCENT) unary -> binary
?unary: member | NOT unary -> negated | MINUS unary -> minus
?member: primary
    | member DOT IDENT -> select
    | member DOT QUESTION IDENT -> select_optional
    | member DOT IDENT LPAR [arguments] RPAR -> method
    | member LSQB expr RSQB -> index
    | member LSQB QUESTION expr RSQB -> index_optional
    | member LBRACE [fields] RBRACE -> struct
?primary: IDENT -> ident
    | DOT IDENT -> rooted
    | IDENT LPAR [arguments] RPAR -> function
    | DOT IDENT LPAR [arguments] RPAR -> rooted_function
    | LPAR expr RPAR -> paren
    | LSQB [elements] RSQB -> list_literal
    | LBRACE [entries] RBRACE -> map_literal
    | INT -> int_literal
    | UINT -> uint_literal
    | FLOAT -> float_literal
    | STRING -> string_literal
    | BYTES -> bytes_literal
    | TRUE -> true_literal
    | FALSE -> false_literal
    | NULL -> null_literal
arguments: expr (COMMA expr)*
elements: element (COMMA element)* [COMMA]
element: [QUESTION] expr
entries: entry (COMMA entry)* [COMMA]
entry: [QUESTION] expr COLON expr
fields: field (COMMA field)* [COMMA]
field: [QUESTION] IDENT COLON expr

OR: "||"
AND: "&&"
LE: "<="
GE: ">="
EQ: "=="
NE: "!="
LT: "<"
GT: ">"
IN: "in"
TRUE: "true"
FALSE: "false"
NULL: "null"
PLUS: "+"
MINUS: "-"
STAR: "*"
SLASH: "/"
PERCENT: "%"
NOT: "!"
DOT: "."
COMMA: ","
COLON: ":"
QUESTION: "?"
LPAR: "("
RPAR: ")"
LSQB: "["
RSQB: "]"
LBRACE: "{"
RBRACE: "}"
IDENT: /[_a-zA-Z][_a-zA-Z0-9]*/
FLOAT.3: /(\d+\.\d+([eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+([eE][+-]?\d+)?)/
UINT.2: /(0x[0-9a-fA-F]+|\d+)[uU]/
INT.1: /(0x[0-9a-fA-F]+|\d+)/
BYTES.5: /([bB][rR]?|[rR][bB])("{3}(?s:.)*?"{3}|'{3}(?s:.)*?'{3}|"(\\.|[^"\\\n\r])*"|'(\\.|[^'\\\n\r])*')/
STRING.4: /[rR]("{3}(?s:.)*?"{3}|'{3}(?s:.)*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')/
    | /"{3}(\\(?s:.)|(?s:[^\\]))*?"{3}|'{3}(\\(?s:.)|(?s:[^\\]))*?'{3}/
    | /"(\\.|[^"\\\n\r])*"|'(\\.|[^'\\\n\r])*'/
COMMENT: /\/\/[^\n]*/
WHITESPACE: /[\t\n\f\r ]+/
%ignore WHITESPACE
%ignore COMMENT
"""

#: words that may not be variables
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return"}
    | {"var", "void", "while"}
)
