fn main() {
    println!("infini-router --registry-url URL");
}
