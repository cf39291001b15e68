//! The order in which the cover tool comes to functions and lists of statements. `cmd/cover/cover.go`, `Visit`.

use tree_sitter::{Node, Parser};

use super::FunctionBlocks;
use super::cut::{Extent, cut};
use super::statement::{Statement, range_of};
use crate::source::text::SourceText;

/// What is still to be done. A stack of these and not calls: sources may be nested as deeply as they like.
enum Task<'t> {
    Visit(Node<'t>),
    /// What stands behind `else`, which ends at the offset.
    Else(u32, Node<'t>),
    /// The clauses of a `switch` or `select`.
    Clauses(Node<'t>),
    EndFunction,
}

pub(super) fn functions(text: &SourceText) -> Option<Vec<FunctionBlocks>> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_go::LANGUAGE.into()).ok()?;
    let source = text.bytes();
    let tree = parser.parse(source, None)?;
    let mut walk =
        Walk { source, tasks: vec![Task::Visit(tree.root_node())], inside: false, functions: Vec::new() };
    while let Some(task) = walk.tasks.pop() {
        match task {
            Task::Visit(node) => walk.visit(node),
            Task::Else(at, node) => walk.visit_else(at, node),
            Task::Clauses(node) => walk.visit_clauses(node),
            Task::EndFunction => walk.inside = false,
        }
    }
    Some(walk.functions)
}

struct Walk<'t> {
    source: &'t [u8],
    tasks: Vec<Task<'t>>,
    /// Whether the walk is within a function.
    inside: bool,
    functions: Vec<FunctionBlocks>,
}

impl<'t> Walk<'t> {
    fn visit(&mut self, node: Node<'t>) {
        match node.kind() {
            "function_declaration" | "method_declaration" => {
                let name =
                    node.child_by_field_name("name").and_then(|name| self.source.get(name.byte_range()));
                if name != Some(b"_") {
                    self.enter(node);
                }
            }
            "func_literal" if !self.inside => self.enter(node),
            "func_literal" => self.tasks.extend(node.child_by_field_name("body").map(Task::Visit)),
            "block" => {
                let (start, end) = range_of(node);
                self.cut(Extent { start, code_start: start + 1, end, to_end: true }, node);
                self.push_children(node);
            }
            "if_statement" => {
                let alternative = node.child_by_field_name("alternative");
                let mut cursor = node.walk();
                let keyword = node.children(&mut cursor).find(|child| child.kind() == "else");
                self.tasks.extend(keyword.zip(alternative).map(|(k, a)| Task::Else(range_of(k).1, a)));
                for field in ["consequence", "condition", "initializer"] {
                    self.tasks.extend(node.child_by_field_name(field).map(Task::Visit));
                }
            }
            "expression_switch_statement" | "type_switch_statement" | "select_statement" => {
                self.tasks.push(Task::Clauses(node));
                let mut cursor = node.walk();
                let header: Vec<_> = node.named_children(&mut cursor).filter(|n| !is_clause(*n)).collect();
                self.tasks.extend(header.into_iter().rev().map(Task::Visit));
            }
            _ => self.push_children(node),
        }
    }

    fn enter(&mut self, node: Node<'t>) {
        if let Some(body) = node.child_by_field_name("body") {
            self.functions.push(FunctionBlocks { start: range_of(node).0, blocks: Vec::new() });
            self.inside = true;
            self.tasks.extend([Task::EndFunction, Task::Visit(body)]);
        }
    }

    /// The tool treats all that follows `else` as a block that begins there, an `if` too.
    fn visit_else(&mut self, start: u32, node: Node<'t>) {
        let extent = |end| Extent { start, code_start: start + 1, end, to_end: true };
        let (_, end) = range_of(node);
        if node.kind() == "block" {
            self.cut(extent(end), node);
            self.push_children(node);
        } else {
            let list = vec![Statement::Node(node, self.source)];
            if let Some(function) = self.functions.last_mut() {
                cut(extent(end.saturating_add(1)), list, &mut function.blocks);
            }
            self.tasks.push(Task::Visit(node));
        }
    }

    fn visit_clauses(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let clauses: Vec<Node<'t>> =
            node.named_children(&mut cursor).filter(|child| is_clause(*child)).collect();
        for clause in &clauses {
            let mut cursor = clause.walk();
            let Some(colon) = clause.children(&mut cursor).find(|child| child.kind() == ":") else {
                continue;
            };
            let start = range_of(colon).1;
            let end = Statement::list_of(*clause, self.source).last().map_or(start, |last| last.range().1);
            self.cut(Extent { start, code_start: start, end, to_end: false }, *clause);
        }
        self.tasks.extend(clauses.into_iter().rev().map(Task::Visit));
    }

    fn cut(&mut self, extent: Extent, parent: Node<'t>) {
        if let Some(function) = self.functions.last_mut() {
            cut(extent, Statement::list_of(parent, self.source), &mut function.blocks);
        }
    }

    fn push_children(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.named_children(&mut cursor).collect();
        self.tasks.extend(children.into_iter().rev().map(Task::Visit));
    }
}

fn is_clause(node: Node<'_>) -> bool {
    matches!(node.kind(), "expression_case" | "type_case" | "communication_case" | "default_case")
}
