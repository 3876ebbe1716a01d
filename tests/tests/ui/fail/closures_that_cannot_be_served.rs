use ipc_core::IntoFunction;

struct NotSerde;

fn serve<A>(function: impl IntoFunction<A>) {
    let _ = function.into_function("name");
}

fn main() {
    serve(|_: NotSerde| 1_u8);
    serve(|| NotSerde);
    serve(|x: u8| async move { x });
}
