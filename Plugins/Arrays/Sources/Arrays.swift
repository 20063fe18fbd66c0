import SyzygyKit
