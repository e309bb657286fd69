add_requires("zlib")
