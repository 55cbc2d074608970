# One path for every version and architecture.
ln -s java-*-openjdk-* /usr/lib/jvm/default
# The JDK's own sources and the runtime images for linking others are a third of it.
rm -rf /usr/lib/jvm/*/jmods /usr/lib/jvm/*/lib/src.zip
