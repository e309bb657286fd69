fn main() {
    println!("infini-babysitter --config-file FILE");
}
