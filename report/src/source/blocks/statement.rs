//! A statement as far as cutting needs to know it. `cmd/cover/cover.go`, `statementBoundary` and `endsBasicSourceBlock`.

use tree_sitter::Node;

/// A statement of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Statement<'t> {
    /// One that the source has.
    Node(Node<'t>, &'t [u8]),
    /// The empty statement behind a label at the end of a block, which is nowhere.
    Nothing(u32),
}

impl<'t> Statement<'t> {
    /// The statements of a `block` or a clause.
    pub(super) fn list_of(parent: Node<'t>, source: &'t [u8]) -> Vec<Self> {
        let mut cursor = parent.walk();
        let list = parent.named_children(&mut cursor).find(|child| child.kind() == "statement_list");
        let Some(list) = list else { return Vec::new() };
        let mut cursor = list.walk();
        let statements = list.named_children(&mut cursor).filter(|child| child.kind() != "comment");
        statements.map(|node| Self::Node(node, source)).collect()
    }

    /// First byte, and the one behind the last.
    pub(super) fn range(&self) -> (u32, u32) {
        match self {
            Self::Node(node, _) => range_of(*node),
            Self::Nothing(at) => (*at, *at),
        }
    }

    /// Where a basic block that this statement ends in has its end: before the body, or before the body of the first
    /// function literal.
    pub(super) fn boundary(&self) -> u32 {
        // Other labels than those of loops and switches are cut off, see `separable_label`.
        let Self::Node(node, source) = *self else { return self.range().1 };
        let node = match Some(node).filter(is_label).and_then(|node| labeled(node, source)) {
            Some(Self::Node(inner, _)) => inner,
            _ => node,
        };
        let header = |fields: &[&str], body: Option<Node<'t>>| {
            let literal = fields.iter().find_map(|field| literal_body(node.child_by_field_name(field)?));
            literal.or(body).map_or(range_of(node).1, |body| range_of(body).0)
        };
        match node.kind() {
            "block" => range_of(node).0,
            "if_statement" => header(&["initializer", "condition"], node.child_by_field_name("consequence")),
            "for_statement" => {
                let mut cursor = node.walk();
                let clause = node.named_children(&mut cursor).find(|child| child.kind() != "comment");
                let body = node.child_by_field_name("body");
                let clause = clause.filter(|clause| Some(*clause) != body);
                let literal = clause.and_then(|clause| match clause.kind() {
                    "range_clause" => literal_body(clause.child_by_field_name("right")?),
                    _ => literal_body(clause),
                });
                literal.or(body).map_or(range_of(node).1, |body| range_of(body).0)
            }
            "expression_switch_statement" => header(&["initializer", "value"], open_brace(node)),
            "type_switch_statement" => header(&["initializer"], open_brace(node)),
            "select_statement" => header(&[], open_brace(node)),
            _ => literal_body(node).map_or(range_of(node).1, |body| range_of(body).0),
        }
    }

    /// Whether it is the last of its basic block.
    pub(super) fn ends_block(&self) -> bool {
        let Self::Node(node, source) = self else { return false };
        match node.kind() {
            "block"
            | "break_statement"
            | "continue_statement"
            | "goto_statement"
            | "fallthrough_statement"
            | "for_statement"
            | "if_statement"
            | "labeled_statement"
            | "expression_switch_statement"
            | "type_switch_statement"
            | "select_statement" => true,
            _ => panics(*node, source) || literal_body(*node).is_some(),
        }
    }

    /// For a label whose statement starts a block of its own: where the label ends for statements, and that statement.
    pub(super) fn separable_label(&self) -> Option<(u32, Self)> {
        let Self::Node(node, source) = self else { return None };
        if !is_label(node) {
            return None;
        }
        let inner = labeled(*node, source)?;
        let control = match inner {
            Self::Node(node, _) => matches!(
                node.kind(),
                "for_statement"
                    | "expression_switch_statement"
                    | "type_switch_statement"
                    | "select_statement"
            ),
            Self::Nothing(_) => false,
        };
        (!control).then(|| (inner.range().0, inner))
    }
}

fn is_label(node: &Node<'_>) -> bool {
    node.kind() == "labeled_statement"
}

/// The statement behind a label.
fn labeled<'t>(node: Node<'t>, source: &'t [u8]) -> Option<Statement<'t>> {
    let mut cursor = node.walk();
    let inner = node.named_children(&mut cursor).filter(|child| child.kind() != "comment").nth(1);
    match inner {
        Some(inner) => Some(Statement::Node(inner, source)),
        // The parser of Go puts an empty statement before the closing brace.
        None => Some(Statement::Nothing(range_of(node.parent()?.next_sibling()?).0)),
    }
}

/// Whether a statement is a call of `panic` with one argument.
fn panics(node: Node<'_>, source: &[u8]) -> bool {
    let call =
        Some(node).filter(|node| node.kind() == "expression_statement").and_then(|node| node.named_child(0));
    let Some(call) = call.filter(|call| call.kind() == "call_expression") else { return false };
    let function = call.child_by_field_name("function").filter(|function| function.kind() == "identifier");
    let name = function.and_then(|function| source.get(function.byte_range()));
    let arguments = call.child_by_field_name("arguments");
    let mut cursor = call.walk();
    name == Some(b"panic")
        && arguments.is_some_and(|arguments| {
            arguments.named_children(&mut cursor).filter(|child| child.kind() != "comment").count() == 1
        })
}

/// The body of the first function literal in a node.
fn literal_body(node: Node<'_>) -> Option<Node<'_>> {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if node.kind() == "func_literal" {
            return node.child_by_field_name("body");
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        open.extend(children.into_iter().rev());
    }
    None
}

fn open_brace(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| child.kind() == "{")
}

/// First byte, and the one behind the last. Sources are cut at 4 GiB.
pub(super) fn range_of(node: Node<'_>) -> (u32, u32) {
    let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    (offset(node.start_byte()), offset(node.end_byte()))
}
