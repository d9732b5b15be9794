//! Where operations stand, as a table: declarations beside the operations that follow.

use crate::contract;

const HEAD: &str = "
    system s
    actor a kind=person
    external e { operation ask read { input x text; output y text } }
    aggregate Order { key id; field name text max=9; states open done { move finish open to=done } }
    aggregate Category { key slug text max=9; field name text max=9 }
    aggregate Place { key hall text max=9; key row int; field free bool default=#true }
";

const TABLE: &[(&str, &[&str])] = &[
    (
        "command add { allow a; input name text max=9; create o Order { set name=input.name } }",
        &["POST /orders add 204"],
    ),
    (
        "command add { allow a; create c Category { set slug=\"'x'\" name=\"'y'\" }; return slug=c.slug }",
        &["POST /categories add 201"],
    ),
    (
        "command both { allow a; create c Category { set slug=\"'x'\" name=\"'y'\" }; create o Order { set name=\"'n'\" } }",
        &["POST /both both 204"],
    ),
    (
        "command finish-it { allow a; input order Order; change o Order key=input.order { move finish } }",
        &["POST /orders/{id}/finish-it finishIt 200"],
    ),
    (
        "command finish-read { allow a; input order Order; read o Order key=input.order; change o { move finish } }",
        &["POST /orders/{id}/finish-read finishRead 200"],
    ),
    (
        "command drop-it { allow a; input order Order; delete o Order key=input.order }",
        &["POST /orders/{id}/drop-it dropIt 200"],
    ),
    (
        "command sit { allow a; input place Place; change p Place key=input.place { set free=#false } }",
        &["POST /places/{hall}/{row}/sit sit 200"],
    ),
    (
        "command ping { allow a; return now=now }",
        &["POST /ping ping 200"],
    ),
    (
        "command own path=\"/a/{name}/b\" { allow a; input name text max=9; create o Order { set name=input.name } }",
        &["POST /a/{name}/b own 204"],
    ),
    (
        "command add { allow a; input name text max=9; create o Order { set name=input.name }; bulk 5 }",
        &["POST /orders add 204", "POST /orders/bulk addBulk 207"],
    ),
    (
        "query orders of=Order { allow a; sort id; show id; export csv; changes }
         command orders-csv path=\"/other\" { allow a; return now=now }",
        &[
            "GET /orders orders 200",
            "GET /orders/{id} getOrder 200",
            "GET /orders.changes ordersChanges 200",
            "GET /orders.csv ordersCsv_ 200",
            "POST /other ordersCsv 200",
        ],
    ),
    (
        "command sit { allow a; input place Place; change p Place key=input.place { set free=#false }; bulk 5 }",
        &[
            "POST /places/sit/bulk sitBulk 207",
            "POST /places/{hall}/{row}/sit sit 200",
        ],
    ),
    (
        "query orders of=Order { allow a; show id }",
        &["GET /orders orders 200", "GET /orders/{id} getOrder 200"],
    ),
    (
        "query one-order of=Order one { allow a; show id }",
        &[
            "GET /one-order/{id} oneOrder 200",
            "GET /orders/{id} getOrder 200",
        ],
    ),
    (
        "query seat of=Place one { allow a; show free }",
        &[
            "GET /places/{hall}/{row} getPlace 200",
            "GET /seat/{hall}/{row} seat 200",
        ],
    ),
    (
        "view Sums { from o Order; group name=o.name; show orders=\"count()\" }
         query sums of=Sums { allow a }",
        &["GET /sums sums 200"],
    ),
    (
        "command far answer=accepted { allow a; input order Order; read o Order key=input.order; call y e.ask { set x=o.id } }",
        &[
            "POST /far far 202",
            "GET /flows/{flow} getFlow 200",
            "POST /flows/{flow}/cancel cancelFlow 202",
        ],
    ),
    (
        "feed news { allow a; on Order.created; deliver live }
         feed topic { allow a; on Order.created; deliver stream }",
        &["GET /feeds/news news 200"],
    ),
    (
        "feed news { allow a; on Order.created; deliver webhook to=Order url=\"'https://x'\" }",
        &[],
    ),
    (
        "feed news { allow a; on Order.created; deliver webhook }",
        &[
            "GET /feeds/news/endpoints listNewsEndpoints 200",
            "POST /feeds/news/endpoints createNewsEndpoint 201",
            "GET /feeds/news/endpoints/{endpoint} getNewsEndpoint 200",
            "POST /feeds/news/endpoints/{endpoint}/delete deleteNewsEndpoint 204",
            "POST /feeds/news/endpoints/{endpoint}/disable disableNewsEndpoint 200",
            "POST /feeds/news/endpoints/{endpoint}/enable enableNewsEndpoint 200",
            "POST /feeds/news/endpoints/{endpoint}/replay replayNewsEndpoint 202",
            "POST /feeds/news/endpoints/{endpoint}/rotate rotateNewsEndpoint 200",
            "POST /feeds/news/endpoints/{endpoint}/test testNewsEndpoint 202",
        ],
    ),
];

fn success(operation: &underpin_contract::Operation) -> u16 {
    use underpin_contract::{Reply, Source};
    match (&operation.reply, operation.source) {
        (Reply::Command(reply), _) => reply.status(),
        (Reply::Bulk(_), _) => 207,
        (Reply::Endpoints(action), _) => action.status(),
        (_, Source::FlowCancel) => 202,
        _ => 200,
    }
}

#[test]
fn paths_follow_from_the_statements() {
    for (declarations, wanted) in TABLE {
        let text = format!("{HEAD}{declarations}");
        let (contract, found) = contract("table.kdl", &text);
        assert_eq!(found, [], "{declarations}");
        let lines: Vec<String> = contract
            .operations
            .iter()
            .map(|o| format!("{} {} {} {}", o.method.as_str(), o.path, o.id, success(o)))
            .collect();
        assert_eq!(lines, *wanted, "{declarations}");
    }
}

#[test]
fn links_name_the_commands_on_a_row_by_their_moves() {
    let text = format!(
        "{HEAD}
        query orders of=Order {{ allow a; show id }}
        command finish-it {{ allow a; input order Order; change o Order key=input.order {{ move finish }} }}
        command rename {{ allow a; input order Order; change o Order key=input.order {{ set name=\"'n'\" }} }}"
    );
    let (contract, _) = contract("links.kdl", &text);
    let operation = contract.find("get-order").expect("the row");
    let underpin_contract::Reply::Row(row) = &operation.reply else {
        panic!("a row")
    };
    let links = row
        .links
        .render(&["a/b".to_owned()], |link| &*link.rel != "other");
    assert_eq!(
        links.to_string(),
        r#"{"self":"/orders/a%2Fb","finish":"/orders/a%2Fb/finish-it","rename":"/orders/a%2Fb/rename"}"#
    );
}

#[test]
fn the_router_finds_what_stands_at_a_path() {
    use underpin_contract::{Found, Method, Router};
    let text = format!(
        "{HEAD}
        query orders of=Order {{ allow a; show id }}
        query late path=\"/orders/late\" of=Order {{ allow a; show id }}
        command finish-it {{ allow a; input order Order; change o Order key=input.order {{ move finish }} }}"
    );
    let (contract, found) = contract("router.kdl", &text);
    assert_eq!(found, []);
    let router = Router::new(&contract);
    let at = |method: &str, path: &str| match router.find(method, path) {
        Found::Operation(index, captures) => {
            format!("{} {}", contract.operations[index].id, captures.join(","))
        }
        Found::OtherMethods(methods) => methods
            .iter()
            .map(|method| Method::as_str(*method))
            .collect::<Vec<_>>()
            .join(","),
        Found::Nothing => "nothing".to_owned(),
    };
    let table = [
        ("GET", "/orders", "orders "),
        ("HEAD", "/orders", "orders "),
        ("GET", "/orders/late", "late "),
        ("GET", "/orders/a%2Fb%20c", "getOrder a/b c"),
        ("POST", "/orders/x/finish-it", "finishIt x"),
        ("POST", "/orders/late/finish-it", "finishIt late"),
        ("DELETE", "/orders", "GET"),
        ("GET", "/orders/x/finish-it", "POST"),
        ("GET", "/orders/", "nothing"),
        ("GET", "/orders//finish-it", "nothing"),
        ("GET", "/orders/%ff", "nothing"),
        ("GET", "/", "nothing"),
        ("GET", "*", "nothing"),
    ];
    for (method, path, wanted) in table {
        assert_eq!(at(method, path), wanted, "{method} {path}");
    }
}
