use ipc_core::{Args, Caller, Local, remote, private::OutgoingCall};

#[allow(non_camel_case_types)]
pub struct r#use;

#[remote(proxy = TypeProxy)]
impl r#use {
    #[remote(get)]
    pub fn r#match(&self) -> u8 { 1 }

    #[remote(set)]
    pub fn set_match(&mut self, r#move: u8) { let _ = r#move; }

    pub fn r#loop(&mut self, r#in: &str, #[remote(range = 1..=2)] r#where: u8) -> String {
        format!("{}{}", r#in, r#where)
    }
}

#[remote]
#[derive(Debug, PartialEq)]
pub struct Raw {
    r#type: u8,
}

#[remote]
fn r#fn(r#type: Raw) -> Raw { r#type }

fn main() {
    let local = Local::new(r#use).unwrap();
    let far = TypeProxy::new(&local);
    assert_eq!((far.r#match(), far.r#loop("a", 2)), (Ok(1), Ok("a2".to_string())));
    let args = Args::new().named("in", "b").unwrap().named("where", 1).unwrap();
    assert_eq!(local.call::<String>(OutgoingCall::by_name("loop", &args)), Ok("b1".to_string()));
    let _ = r#fn::function();
}
